"use strict";

// The page: where the features come from, and how the answer is shown.
(() => {
  const text = (id) => document.getElementById(id).textContent;
  const description = JSON.parse(text("description"));
  const network = fastmlp.load(description, text("weights"));
  const { outputs } = description;

  // An element with properties and children. Texts become text, never markup.
  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  // ------------------------------------------------------------ the answer

  const MOST_SHOWN = 12; // with more classes, the most probable ones are shown
  const rows = document.querySelector("#shares tbody");
  const verdict = document.getElementById("verdict");
  const percent = (share) => (100 * share).toFixed(1) + " %";
  const number = (value) => String(Number(value.toPrecision(6)));

  function shownPlaces(shares) {
    const every = Array.from(shares.keys());
    if (shares.length <= MOST_SHOWN || !outputs.are_probabilities) return every.slice(0, 1000);
    return every.sort((a, b) => shares[b] - shares[a]).slice(0, MOST_SHOWN);
  }

  function answer(features) {
    const out = network.predict(features);
    const shares = network.shares(out), chosen = network.choice(out);
    rows.replaceChildren(
      ...shownPlaces(shares).map((place) => {
        const share = shares[place], bar = make("div");
        const isChosen = chosen === null ? outputs.choice === "each" && out[place] > outputs.thresholds[place] : place === chosen;
        if (outputs.are_probabilities) bar.style.width = percent(share).replace(" ", "");
        return make(
          "tr",
          { className: isChosen ? "chosen" : "" },
          make("th", { scope: "row" }, make("span", {}, network.column(place))),
          make("td", { className: "share" }, ...(outputs.are_probabilities ? [bar] : [])),
          make("td", { className: "value" }, outputs.are_probabilities ? percent(share) : number(share)),
        );
      }),
    );
    if (chosen !== null) {
      const sure = outputs.are_probabilities ? [" ", make("small", {}, percent(shares[chosen]))] : [];
      verdict.replaceChildren(network.label(chosen), ...sure);
    } else if (shares.length === 1) {
      verdict.replaceChildren(outputs.are_probabilities ? percent(shares[0]) : number(shares[0]));
      rows.replaceChildren();
    } else {
      verdict.replaceChildren();
    }
  }

  function noAnswer(why) {
    verdict.replaceChildren(make("small", {}, why));
    rows.replaceChildren();
  }

  // ------------------------------------------------------------ an image: a sheet of paper to draw on

  function drawing(section, { side, ink, scale }) {
    const PEN = 2.3 / 28, BOX = 20 / 28; // of the side, as in MNIST's images
    const strokes = []; // lists of points, from 0 to 1
    const paper = make("canvas", { id: "paper", tabIndex: 0 });
    paper.setAttribute("aria-label", "Draw here");
    const seen = make("canvas", { id: "seen", width: side, height: side });
    const clear = make("button", { type: "button", id: "clear" }, "Clear");
    const centred = make("input", { type: "checkbox", id: "centred", checked: true });
    const inkField = make("input", { type: "number", step: "any", value: ink, id: "ink" });
    const paperField = make("input", { type: "number", step: "any", value: 0, id: "blank" });
    section.append(
      paper,
      make("div", { className: "bar" }, clear, make("label", {}, centred, " centre and scale")),
      make("div", { className: "seen" }, seen, make("p", { className: "note" }, "What the network sees")),
    );
    if (scale === null) {
      const label = (name, field) => make("label", {}, name + " ", field);
      section.append(make("div", { className: "bar numbers" }, label("ink is", inkField), label("paper is", paperField)));
    }
    const small = make("canvas", { width: side, height: side }).getContext("2d", { willReadFrequently: true });

    function trace(context, width, place) {
      context.lineWidth = width;
      context.lineCap = context.lineJoin = "round";
      for (const stroke of strokes) {
        context.beginPath();
        stroke.forEach((point, i) => context[i ? "lineTo" : "moveTo"](...place(point)));
        if (stroke.length === 1) context.lineTo(...place(stroke[0])); // a dot
        context.stroke();
      }
    }

    // How much ink is at each pixel, from 0 to 255, with strokes where place(point) puts them.
    function inked(place) {
      small.clearRect(0, 0, side, side);
      trace(small, PEN * side, place);
      return small.getImageData(0, 0, side, side).data.filter((_, i) => i % 4 === 3);
    }

    const asDrawn = ([x, y]) => [x * side, y * side];

    // The longer side of the drawing becomes 20 of 28 pixels, and its centre of mass the middle, as in MNIST's images.
    function centredPlace() {
      const points = strokes.flat(), xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
      const [left, right] = [xs, ys].map((v) => v.reduce((a, b) => Math.min(a, b)));
      const [width, height] = [xs, ys].map((v, i) => v.reduce((a, b) => Math.max(a, b)) - [left, right][i]);
      const factor = ((BOX - PEN) * side) / Math.max(width, height, 0.1);
      const place = ([x, y], dx = 0, dy = 0) => [
        (x - left - width / 2) * factor + side / 2 + dx,
        (y - right - height / 2) * factor + side / 2 + dy,
      ];
      const amounts = inked((point) => place(point));
      let sum = 0, sumX = 0, sumY = 0;
      amounts.forEach((amount, i) => {
        sum += amount;
        sumX += amount * ((i % side) + 0.5);
        sumY += amount * (Math.floor(i / side) + 0.5);
      });
      const dx = Math.round(side / 2 - sumX / sum), dy = Math.round(side / 2 - sumY / sum);
      return (point) => place(point, dx, dy);
    }

    function amounts() {
      return inked(centred.checked && strokes.length ? centredPlace() : asDrawn);
    }

    function features() {
      const blank = Number(paperField.value), full = Number(inkField.value);
      return Array.from(amounts(), (amount) => (scale === null ? blank + (full - blank) * (amount / 255) : amount * scale));
    }

    function redraw() {
      const size = Math.round(paper.clientWidth * (window.devicePixelRatio || 1)) || 320;
      if (paper.width !== size) paper.width = paper.height = size;
      const context = paper.getContext("2d");
      context.clearRect(0, 0, size, size);
      context.strokeStyle = getComputedStyle(paper).color;
      trace(context, PEN * size, ([x, y]) => [x * size, y * size]);
    }

    function showSeen(values) {
      const image = new ImageData(side, side);
      values.forEach((amount, i) => image.data.set([amount, amount, amount, 255], 4 * i)); // white on black
      seen.getContext("2d").putImageData(image, 0, 0);
    }

    let isDue = false;
    function changed() {
      if (isDue) return;
      isDue = true;
      requestAnimationFrame(() => {
        isDue = false;
        redraw();
        showSeen(amounts());
        if (strokes.length) answer(features());
        else noAnswer("Draw with mouse, finger or pen.");
      });
    }

    const pointOf = (event) => {
      const box = paper.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    let pointer = null; // the one that draws
    paper.addEventListener("pointerdown", (event) => {
      if (pointer !== null || event.button > 0) return;
      pointer = event.pointerId;
      paper.setPointerCapture?.(pointer);
      strokes.push([pointOf(event)]);
      changed();
      event.preventDefault();
    });
    paper.addEventListener("pointermove", (event) => {
      if (event.pointerId !== pointer) return;
      const events = event.getCoalescedEvents?.() ?? [];
      strokes[strokes.length - 1].push(...(events.length ? events : [event]).map(pointOf));
      changed();
    });
    for (const end of ["pointerup", "pointercancel"]) {
      paper.addEventListener(end, (event) => {
        if (event.pointerId === pointer) pointer = null;
      });
    }
    clear.addEventListener("click", () => {
      strokes.length = 0;
      changed();
    });
    for (const field of [centred, inkField, paperField]) field.addEventListener("input", changed);
    window.addEventListener("resize", changed);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
    changed();
    return features;
  }

  // ------------------------------------------------------------ a table: a form with a field for each column

  const MOST_FIELDS = 500; // with more columns there is only room for a row as text

  function form(section, { names, typical }) {
    const count = description.n_features;
    const fields = Array.from({ length: count <= MOST_FIELDS ? count : 0 }, (_, i) =>
      make("input", { type: "number", step: "any", id: `field-${i}`, value: String(typical ? typical[i] : 0) }),
    );
    const row = make("textarea", { id: "row", spellcheck: false, placeholder: "3.5, 12, 0.25, ..." });
    const labels = fields.map((field, i) => make("label", { htmlFor: field.id }, names ? names[i] : `feature ${i}`));
    section.append(
      make("div", { className: "fields" }, ...fields.flatMap((field, i) => [labels[i], field])),
      make("p", { className: "note" }, make("label", { htmlFor: "row" }, `Or a row of ${count} numbers as text:`)),
      row,
    );

    let values = fields.map(() => 0);
    const isNumber = (value) => value.trim() !== "" && Number.isFinite(Number(value));

    function changed(from) {
      if (from === row) {
        const parts = row.value.split(/[\s,;]+/).filter((part) => part !== "");
        if (parts.length !== count || !parts.every(isNumber)) {
          return noAnswer(parts.length ? `${parts.length} of ${count} numbers` : "");
        }
        parts.forEach((part, i) => fields.length && (fields[i].value = part));
        values = parts.map(Number);
      } else {
        const wrong = fields.findIndex((field) => !isNumber(field.value));
        if (wrong >= 0) return noAnswer(`${labels[wrong].textContent} needs a number`);
        values = fields.map((field) => Number(field.value));
      }
      return answer(values);
    }

    for (const field of [...fields, row]) field.addEventListener("input", () => changed(field));
    if (fields.length) changed(fields[0]);
    else noAnswer(`Enter a row of ${count} numbers.`);
    return () => values;
  }

  // ------------------------------------------------------------ all together

  document.getElementById("about").textContent = description.about;
  const section = document.getElementById("input");
  const features = description.image ? drawing(section, description.image) : form(section, description.table);
  globalThis.demo = { network, features }; // for those who look closer, and for tests
})();
