"""Learning-rate schedules: by hand, beside PyTorch's, and there and back as configurations."""

import json
import warnings

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError, schedules
from fastmlp.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseTime,
    OneCycle,
    Piecewise,
    Polynomial,
    Schedule,
    Step,
    Warmup,
)

H = 0.5**0.5  # cos 45°

# schedule, rates of steps 0, 1, 2, …
BY_HAND = [
    (Constant(0.3), [0.3, 0.3, 0.3]),
    (Step(8, factor=0.5, every=3), [8, 8, 8, 4, 4, 4, 2]),
    (Step(8, factor=1, every=1), [8, 8, 8]),
    (Piecewise([1, 3], [4, 2, 1]), [4, 2, 2, 1, 1]),
    (Piecewise([], [4]), [4, 4]),
    (InverseTime(12, decay=0.5), [12, 8, 6, 4.8, 4]),
    (InverseTime(12, decay=1, every=2), [12, 8, 6, 4.8, 4]),
    (InverseTime(12, decay=1, every=2, staircase=True), [12, 12, 6, 6, 4, 4]),
    (InverseTime(12, decay=0), [12, 12]),
    (Exponential(8, rate=0.5), [8, 4, 2, 1]),
    (Exponential(8, rate=0.25, every=2), [8, 4, 2, 1]),
    (Exponential(8, rate=0.25, every=2, staircase=True), [8, 8, 2, 2, 0.5]),
    (Polynomial(9, steps=4, final=1), [9, 7, 5, 3, 1, 1, 1]),
    (Polynomial(16, steps=4, power=2), [16, 9, 4, 1, 0, 0]),
    (Cosine(2, steps=4), [2, 1 + H, 1, 1 - H, 0, 0, 0]),
    (Cosine(3, steps=4, final=1), [3, 2 + H, 2, 2 - H, 1, 1]),
    (Cosine(2, steps=6, warmup=2), [0, 1, 2, 1 + H, 1, 1 - H, 0, 0]),
    (Cosine(3, steps=4, warmup=2, warmup_from=1, final=1), [1, 2, 3, 2, 1, 1]),
    (CosineRestarts(2, first_steps=2), [2, 1, 2, 1 + H, 1, 1 - H, 2]),
    (CosineRestarts(2, first_steps=2, factor=1, shrink=0.5), [2, 1, 1, 0.5, 0.5, 0.25]),
    (CosineRestarts(4, first_steps=2, factor=1, shrink=0.5, final=2), [4, 3, 2, 2, 2, 2]),
    (CosineRestarts(2, first_steps=4, factor=1.5), [2, 1 + H, 1, 1 - H, 2, 1 + 0.75**0.5, 1.5, 1, 0.5]),
    (OneCycle(10, steps=10, start_divisor=10, end_divisor=4), [1, 5.5, 10]),
    (OneCycle(10, steps=5, start_divisor=10, end_divisor=10, rise=0.6), [1, 5.5, 10, 5.05, 0.1, 0.1]),
    (Warmup(4, steps=4), [0, 1, 2, 3, 4, 4]),
    (Warmup(4, steps=2, start=6), [6, 5, 4, 4]),
    (Warmup(Step(4, factor=0.5, every=1), steps=2), [0, 2, 4, 2, 1]),
    (Warmup(Piecewise([1], [4, 1]), steps=1, start=3), [3, 4, 1]),
]
EVERY = [schedule for schedule, _ in BY_HAND]


@pytest.mark.parametrize(("schedule", "ref"), BY_HAND, ids=repr)
def test_rates_by_hand(schedule, ref):
    comp = schedule.rates(np.arange(len(ref)))
    assert comp.dtype == np.float64
    np.testing.assert_allclose(comp, ref, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("schedule", EVERY, ids=repr)
def test_a_rate_depends_on_its_step_alone(schedule):
    steps = np.arange(1000)
    whole = schedule.rates(steps)
    assert (whole >= 0).all()
    assert np.isfinite(whole).all()
    assert [schedule(step) for step in (0, 1, 7, 999)] == whole[[0, 1, 7, 999]].tolist()
    assert isinstance(schedule(3), float)
    assert schedule.rates(steps[300:400]).tobytes() == whole[300:400].tobytes()
    assert schedule.rates(steps[::-1].astype(np.int32)).tobytes() == whole[::-1].tobytes()
    assert schedule.rates(steps[:200].astype(np.uint8)).tobytes() == whole[:200].tobytes()
    assert schedule.rates(steps.reshape(10, 100)).shape == (10, 100)
    assert schedule.rates(steps[:0]).shape == (0,)


@pytest.mark.parametrize("schedule", EVERY, ids=repr)
def test_configurations_come_back(schedule):
    text = json.dumps(schedule.config())
    back = schedules.get(json.loads(text))
    assert back == schedule
    assert type(back) is type(schedule)
    assert hash(back) == hash(schedule)
    assert json.dumps(back.config()) == text


@pytest.mark.parametrize("schedule", EVERY, ids=repr)
def test_far_steps_are_no_trouble(schedule):
    assert np.isfinite(schedule.rates(np.array([10**6, 10**12, 2**52]))).all()


def test_numbers_are_constants():
    assert schedules.get(0.5) == schedules.get(np.float32(0.5)) == Constant(0.5)
    assert schedules.get(1) == Constant(1.0)
    schedule = Cosine(0.1, 10)
    assert schedules.get(schedule) is schedule
    assert Warmup({"type": "Constant", "rate": 0.1}, 3) == Warmup(0.1, 3)


def test_a_schedule_of_ones_own():
    class Rising(Schedule):
        def rates(self, steps):
            return steps * 1e-3

    rising = Rising()
    assert schedules.get(rising) is rising
    assert rising(4) == 4e-3
    assert Warmup(rising, 2).rates(np.arange(5)).tolist() == [0, 0, 0, 1e-3, 2e-3]
    with pytest.raises(TypeError, match="Schedule has no rates"):
        Schedule()(0)


def test_a_warm_up_puts_its_schedule_off():
    cosine = Cosine(0.3, steps=20, final=0.01)
    whole = Cosine(0.3, steps=25, final=0.01, warmup=5, warmup_from=0.1)
    steps = np.arange(30)
    np.testing.assert_allclose(Warmup(cosine, 5, start=0.1).rates(steps), whole.rates(steps), rtol=1e-12)


@pytest.mark.parametrize("factor", [1, 1.1, 1.5, 2, 3, 7])
@pytest.mark.parametrize("first_steps", [1, 3, 10, 7919])
def test_restarts_are_where_the_lengths_put_them(first_steps, factor):
    """Also for many restarts: a logarithm that is off by a bit would give the lowest rate for the highest."""
    restart, length, starts = 0.0, float(first_steps), []
    while restart < 10**6 and len(starts) < 200:
        starts.append(int(np.ceil(restart - 1e-6)))
        restart, length = restart + length, length * factor
    schedule = CosineRestarts(1.0, first_steps, factor=factor)
    first = schedule.rates(np.array(starts[1:]))
    before = schedule.rates(np.array(starts[1:]) - 1)
    lengths = first_steps * float(factor) ** np.arange(len(starts))
    long = lengths[1:] >= 10  # a step after the restart is still high, and one before it is low
    assert (first[long] > 0.9).all()
    assert (before[lengths[:-1] >= 10] < 0.1).all()


def test_cycles_of_one_cycle():
    schedule = OneCycle(0.5, steps=1000, start_divisor=10, end_divisor=100, rise=0.25)
    rates = schedule.rates(np.arange(1200))
    assert rates[0] == pytest.approx(0.05)
    assert (rates.argmax(), rates.max()) == (249, 0.5)
    assert (np.diff(rates[:250]) > 0).all()
    assert (np.diff(rates[249:1000]) < 0).all()
    assert (rates[999:] == rates[999]).all()
    assert rates[999] == pytest.approx(0.0005)


@pytest.mark.parametrize("steps", [2, 3, 4])
def test_few_steps_of_one_cycle_are_no_trouble(steps):
    rates = OneCycle(1.0, steps).rates(np.arange(steps))
    assert (rates > 0).all()
    assert (rates <= 1).all()
    assert rates[-1] == pytest.approx(1 / 25e4)


# ---------------------------------------------------------------- beside PyTorch


def torch_rates(make, initial, count):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=initial)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own making
        scheduler = make(torch.optim.lr_scheduler, optimizer)
        rates = []
        for _ in range(count):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    return rates


# schedule, PyTorch's of the same rates, and how many of them
PEERS = [
    (Constant(0.3), lambda s, o: s.ConstantLR(o, 1.0), 5),
    (Step(0.3, 0.7, 4), lambda s, o: s.StepLR(o, 4, gamma=0.7), 20),
    (Piecewise([3, 4, 9], [0.3, 0.03, 0.003, 0.0003]), lambda s, o: s.MultiStepLR(o, [3, 4, 9], gamma=0.1), 12),
    (Exponential(0.3, 0.9), lambda s, o: s.ExponentialLR(o, 0.9), 20),
    (Polynomial(0.3, 15), lambda s, o: s.PolynomialLR(o, 15), 20),
    (Polynomial(0.3, 15, power=2.5), lambda s, o: s.PolynomialLR(o, 15, power=2.5), 20),
    (Cosine(0.3, 17, final=0.01), lambda s, o: s.CosineAnnealingLR(o, 17, eta_min=0.01), 18),
    (CosineRestarts(0.3, 5), lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, T_mult=2), 80),
    (
        CosineRestarts(0.3, 5, factor=1, final=0.01),
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, eta_min=0.01),
        30,
    ),
    (OneCycle(0.3, 50), lambda s, o: s.OneCycleLR(o, 0.3, total_steps=50), 50),
    (
        OneCycle(0.3, 33, start_divisor=10, end_divisor=100, rise=0.45),
        lambda s, o: s.OneCycleLR(o, 0.3, 33, pct_start=0.45, div_factor=10, final_div_factor=100),
        33,
    ),
    (Warmup(0.3, 10, start=0.03), lambda s, o: s.LinearLR(o, start_factor=0.1, total_iters=10), 15),
    (
        Warmup(Cosine(0.3, 20), 10, start=0.03),
        lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 0.1, total_iters=10), s.CosineAnnealingLR(o, 20)], [10]),
        30,
    ),
]
BY_PEER = {"ids": lambda value: repr(value) if isinstance(value, schedules.Schedule) else ""}


@pytest.mark.parametrize(("schedule", "make", "count"), PEERS, **BY_PEER)
def test_rates_are_those_of_pytorch(schedule, make, count):
    ref = torch_rates(make, 0.3, count)
    np.testing.assert_allclose(schedule.rates(np.arange(count)), ref, rtol=1e-9, atol=1e-12)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Constant(0), ArgumentError, "rate must be a finite number greater than 0, not 0"),
        (lambda: Constant(True), ArgumentTypeError, "rate must be .* not True"),
        (lambda: Step(0.1, 1.5, 3), ArgumentError, "factor must be at most 1, not 1.5"),
        (lambda: Step(0.1, 0.5, 0), ArgumentError, "every must be at least 1, not 0"),
        (lambda: Step(0.1, 0.5, 2.5), ArgumentTypeError, "every must be a whole number, not 2.5"),
        (lambda: Piecewise([3, 3], [1, 2, 3]), ArgumentError, r"boundaries must rise, not \[3, 3\]"),
        (lambda: Piecewise([0], [1, 2]), ArgumentError, r"boundaries\[0\] must be at least 1"),
        (lambda: Piecewise([3], [1]), ArgumentError, "values must be one more than the 1 boundaries, not 1"),
        (lambda: Piecewise([3], [1, -1]), ArgumentError, r"values\[1\] must be a finite number greater than 0"),
        (lambda: Piecewise(3, [1, 2]), ArgumentTypeError, "boundaries must be a list of steps, not 3"),
        (lambda: InverseTime(0.1, -1), ArgumentError, "decay must be a finite number at least 0, not -1"),
        (lambda: InverseTime(0.1, 1, staircase=1), ArgumentTypeError, "staircase must be True or False, not 1"),
        (lambda: Exponential(0.1, 0), ArgumentError, "rate must be a finite number greater than 0"),
        (lambda: Exponential(0.1, 2), ArgumentError, "rate must be at most 1, not 2"),
        (lambda: Polynomial(0.1, 0), ArgumentError, "steps must be at least 1"),
        (lambda: Polynomial(0.1, 5, final=0.2), ArgumentError, "final must be at most initial, 0.1, not 0.2"),
        (lambda: Cosine("high", 5), ArgumentTypeError, "initial must be .* not 'high'"),
        (lambda: Cosine(0.1, 5, warmup=5), ArgumentError, "warmup must be less than steps, which include it, 5, not 5"),
        (lambda: Cosine(0.1, 5, warmup_from=1), ArgumentError, "warmup_from must be at most initial"),
        (lambda: CosineRestarts(0.1, 5, factor=0.5), ArgumentError, "factor must be a finite number at least 1"),
        (lambda: CosineRestarts(0.1, 5, shrink=2), ArgumentError, "shrink must be at most 1, not 2"),
        (lambda: OneCycle(0.1, 1), ArgumentError, "steps must be at least 2"),
        (lambda: OneCycle(0.1, 9, rise=1), ArgumentError, "rise must be .* greater than 0 and less than 1"),
        (lambda: OneCycle(0.1, 9, end_divisor=0.5), ArgumentError, "end_divisor must be a finite number at least 1"),
        (lambda: Warmup("cosine", 3), ArgumentTypeError, "schedule must be a number or .*Schedule, not 'cosine'"),
        (lambda: Warmup(0.1, 0), ArgumentError, "steps must be at least 1"),
        (lambda: Warmup(0.1, 3, start=-1), ArgumentError, "start must be a finite number at least 0"),
        (lambda: schedules.get(0), ArgumentError, "learning_rate must be a finite number greater than 0, not 0"),
        (lambda: schedules.get(None), ArgumentTypeError, "learning_rate must be a number or .*Schedule, not None"),
        (lambda: schedules.get({"type": "Sine"}), ArgumentError, "type must be one of 'Constant', 'Cosine'"),
        (lambda: schedules.get({"rate": 1}), ArgumentError, "learning_rate type must be one of .* not None"),
        (lambda: schedules.get({"type": "Step", "initial": 1}), ArgumentTypeError, "learning_rate 'Step': .*factor"),
        (lambda: Constant(1).rates(np.array([0.5])), ArgumentTypeError, "steps must be whole numbers, not dtype f"),
        (lambda: Cosine(1, 5).rates(np.array([3, -2])), ArgumentError, "steps must be at least 0, not -2"),
        (lambda: Constant(1)(-1), ArgumentError, "step must be at least 0, not -1"),
        (lambda: Constant(1)(1.5), ArgumentTypeError, "step must be a whole number, not 1.5"),
    ],
)
def test_wrong_schedules_say_what_is_wrong(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_schedules_cannot_be_changed():
    with pytest.raises(AttributeError):
        Cosine(0.1, 10).initial = 1


def test_every_schedule_is_tested_and_public():
    public = {name for name in schedules.__all__ if name not in ("get", "Schedule")}
    assert {type(schedule).__name__ for schedule in EVERY} == public
    assert fm.schedules is schedules


class Halving(Schedule):
    """A schedule that is not of the package."""

    def rates(self, steps):
        return 0.01 * 0.5 ** (np.asarray(steps) // 4)


@pytest.mark.parametrize("schedule", [Halving(), Warmup(Halving(), 2)])
def test_a_file_keeps_the_rate_of_a_schedule_of_ones_own(tmp_path, schedule):
    x, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    model = fm.mlp([4], classes=2, seed=0)
    model.compile(fm.Adam(schedule))
    model.fit(x, y, batch_size=4, verbose=0)
    assert schedule.config() is None
    model.save(tmp_path / "model.npz")
    with pytest.warns(UserWarning, match="is your own code, which files do not contain: the learning rate stays"):
        other = fm.load(tmp_path / "model.npz")
    assert other.learning_rate == model.learning_rate == schedule(10)
    np.testing.assert_array_equal(other.predict(x), model.predict(x))


@pytest.mark.parametrize("rates", [lambda s: "0.1", lambda s: -0.1 + 0 * s, lambda s: s / 0.0, lambda s: [0.1]])
def test_rates_of_an_own_schedule_that_cannot_be(rates):
    class Own(fm.schedules.Schedule):
        def rates(self, steps):
            with np.errstate(all="ignore"):
                return rates(np.asarray(steps))

    model = fm.mlp([4], classes=2, seed=0)
    model.compile(fm.SGD(Own()))
    with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError), match=r"what Own.rates\(steps\) returns must"):
        model.fit(np.ones((20, 3)), np.arange(20) % 2, batch_size=5, verbose=0)
