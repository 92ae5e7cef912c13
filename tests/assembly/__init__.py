"""Assembly text of compiled kernels: basic blocks, innermost loops, and what is multiplied and added in them.

Texts are those that LLVM writes: AT&T syntax on x86-64, the usual one on AArch64. All that depends on the machine
stands in one `Dialect` for each family of instructions.

As a program, ``python -m tests.assembly FILE train_batches:float32:serial ...`` compiles kernels for the CPU that the
environment asks for, without running them, and writes what they became to a JSON file.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

# ---------------------------------------------------------------- the machines


@dataclass(frozen=True)
class Dialect:
    """How one family of instructions is written: regular expressions, unless something else is said."""

    comment: str
    multiply_add: str  # packed instructions that add to their destination
    multiply: str  # where products are added by another instruction: the one that makes them
    move: str  # instructions that bring vectors from one place to another
    store: str  # instructions that write vectors to memory, with their operands
    destination: int  # place among the operands
    vector: str  # registers that hold vectors; the group is a key of `widths`
    widths: dict[str, int]  # bytes
    stack_pointer: str
    frame_pointer: str
    makes_frame: str  # the instruction after which the frame pointer points to the stack
    jump: str
    leave: str  # after these instructions, the next line is not reached


_X86 = {
    "comment": r"\s*#.*",
    "move": r"v?(mov|broadcast|insert|shuf|perm|unpck|pshuf|xorp)\w+",
    "store": r"\w+ %[xyz]mm\d+, .*\)",
    "destination": -1,
    "vector": r"%([xyz]mm)\d+",
    "widths": {"xmm": 16, "ymm": 32, "zmm": 64},
    "stack_pointer": r"\(%rsp\b",
    "frame_pointer": r"\(%rbp\b",
    "makes_frame": r"movq %rsp, %rbp",
    "jump": r"j\w+",
    "leave": r"jmpq?|retq?|ud2",
}
X86 = Dialect(multiply_add=r"vfmadd(132|213|231)p[sd]", multiply="", **_X86)
X86_WITHOUT_FMA = Dialect(multiply_add=r"v?addp[sd]", multiply=r"v?mulp[sd]", **_X86)
ARM = Dialect(
    comment=r"\s*//.*",
    multiply_add=r"fmla",
    multiply="",
    move=r"ld\w+|st\w+|dup|mov",
    store=r"st\w+ .*",
    destination=0,
    vector=r"\b([qv])\d+",
    widths={"q": 16, "v": 16},
    stack_pointer=r"\[sp\b",
    frame_pointer=r"\[x29\b",
    makes_frame=r"(mov x29, sp|add x29, sp, .*)",
    jump=r"b|b\.\w+|cbn?z|tbn?z",
    leave=r"b|br|ret|brk",
)


def dialect_of(triple, has_fma):
    """The dialect of a system, or None where there is none yet."""
    if triple.startswith("x86_64"):
        return X86 if has_fma else X86_WITHOUT_FMA
    return ARM if triple.startswith(("aarch64", "arm64")) else None


# ---------------------------------------------------------------- loops


@dataclass(frozen=True)
class Instruction:
    """One line of a text."""

    name: str
    operands: tuple[str, ...]

    def __str__(self):
        return f"{self.name} {', '.join(self.operands)}"


@dataclass(frozen=True)
class Loop:
    """An innermost loop."""

    dialect: Dialect
    label: str
    instructions: tuple[Instruction, ...]
    has_frame: bool

    def __str__(self):
        return "\n    ".join([f"{self.label}:", *map(str, self.instructions)])

    def _named(self, pattern):
        return [i for i in self.instructions if re.fullmatch(pattern, i.name)]

    @property
    def vector_instructions(self):
        return [i for i in self.instructions if re.search(self.dialect.vector, str(i))]

    @property
    def multiply_adds(self):
        return self._named(self.dialect.multiply_add)

    @property
    def is_product(self):
        """Whether the loop multiplies, adds and loads, and does nothing else with vectors, as matrix products do.

        What it stores on the stack does not count: a tile that is spilled is still a tile.
        """
        d = self.dialect
        count, products = len(self.multiply_adds), len(self._named(d.multiply))
        known = f"{d.multiply_add}|{d.multiply}|{d.move}"
        only = all(re.fullmatch(known, i.name) for i in self.vector_instructions)
        stores = [i for i in self.vector_instructions if re.fullmatch(d.store, str(i)) and i not in self.spills]
        return count > 0 and only and not stores and (not d.multiply or products == count)

    @property
    def sums(self):
        """Number of registers that add up over the iterations: nothing else in the loop writes them."""
        adds = {id(i) for i in self.multiply_adds}
        sums = {self._written(i) for i in self.multiply_adds}
        return len(sums - {self._written(i) for i in self.vector_instructions if id(i) not in adds})

    def _written(self, instruction):
        return instruction.operands[self.dialect.destination].partition(".")[0]  # v3.4s is v3

    @property
    def widths(self):
        """Sizes, in bytes, of the vectors that are multiplied and added."""
        found = {name for i in self.multiply_adds for name in re.findall(self.dialect.vector, str(i))}
        return {self.dialect.widths[name] for name in found}

    @property
    def spills(self):
        """Instructions that move vectors, or parts of them, to the stack or from there."""
        frame = f"|{self.dialect.frame_pointer}" if self.has_frame else ""
        return [i for i in self.vector_instructions if re.search(self.dialect.stack_pointer + frame, str(i))]


def product_loops(text, dialect):
    """The loops of matrix products in a text."""
    return [loop for blocks in functions(text, dialect) for loop in innermost_loops(blocks, dialect) if loop.is_product]


def innermost_loops(blocks, dialect):
    """Loops of a function that contain no other loop."""
    bodies = natural_loops(blocks)
    has_frame = any(re.fullmatch(dialect.makes_frame, str(i)) for block in blocks for i in block.instructions)
    for header, body in bodies.items():
        if not (body - {header}) & bodies.keys():
            inside = [i for block in blocks if block.label in body for i in block.instructions]
            yield Loop(dialect, header, tuple(inside), has_frame)


# ---------------------------------------------------------------- text to blocks


@dataclass
class Block:
    """Instructions that run one after the other, and the labels of the blocks that may follow."""

    label: str
    instructions: list[Instruction]
    successors: list[str]


_LABEL = re.compile(r'("[^"]+"|[\w.$]+):')


def functions(text, dialect):
    """Lists of basic blocks, one list for each function."""
    found = []
    for raw in text.splitlines():
        line = re.sub(dialect.comment, "", raw).strip()
        label = _LABEL.fullmatch(line)
        if label and not label[1].startswith((".L", "L")):
            found.append([Block(label[1], [], [])])
        elif label and found:
            _begin(found[-1], label[1], dialect)
        elif line and not line.startswith(".") and found:
            _append(found[-1], _instruction(line), dialect)
    return found


def _instruction(line):
    name, *rest = line.split(None, 1)
    operands = re.split(r",\s*(?![^(\[{]*[)\]}])", rest[0]) if rest else []
    return Instruction(name, tuple(operands))


def _begin(blocks, label, dialect):
    previous = blocks[-1]
    if not previous.instructions or not re.fullmatch(dialect.leave, previous.instructions[-1].name):
        previous.successors.append(label)
    blocks.append(Block(label, [], []))


def _append(blocks, instruction, dialect):
    last = blocks[-1].instructions[-1:]
    if last and re.fullmatch(f"{dialect.jump}|{dialect.leave}", last[0].name):  # a jump ends a block
        _begin(blocks, f"{blocks[-1].label}+", dialect)
    blocks[-1].instructions.append(instruction)
    if re.fullmatch(dialect.jump, instruction.name):
        blocks[-1].successors.append(instruction.operands[-1])


# ---------------------------------------------------------------- blocks to loops


def natural_loops(blocks):
    """Labels of the blocks in each loop, by that of its header, through which every way into the loop goes."""
    after = {block.label: block.successors for block in blocks}
    labels = _reached(blocks[0].label, after)
    before = {label: [source for source in labels if label in after[source]] for label in labels}
    dominators = _dominators(labels, before)
    loops = {}
    for header, sources in before.items():
        for tail in sources:
            if header in dominators[tail]:
                loops.setdefault(header, {header}).update(_reached(tail, before, stop=header))
    return loops


def _dominators(labels, before):
    """For each block, those that every way to it from the first block goes through."""
    everything = set(labels)
    found = dict.fromkeys(labels, everything)
    found[labels[0]] = {labels[0]}
    changed = True
    while changed:
        changed = False
        for label in labels[1:]:
            ways = [found[source] for source in before[label]]
            new = set.intersection(*ways) | {label}
            if new != found[label]:
                found[label], changed = new, True
    return found


def _reached(start, ways, stop=None):
    """Blocks to which the ways lead, the first one first; no way leads beyond ``stop``."""
    found, todo = [], [start]
    while todo:
        label = todo.pop()
        if label in ways and label not in found:
            found.append(label)
            todo += ways[label] if label != stop else []
    return found


# ---------------------------------------------------------------- kernels to text


def compiled(name):
    """Assembly text of the kernel ``"train_batches:float32:serial"``, and the tile types that were new in it.

    A kernel that is loaded from the cache has no text, so it is made again; it is not run. The text is written from
    the LLVM module that becomes the machine code, as it is just before it does.
    """
    from numba.core.registry import cpu_target

    from fastmlp import kernels
    from fastmlp._compiling import cache, jit
    from fastmlp.kernels.simd import lowering

    kernel, dtype, form = name.split(":")
    cache.KernelFile(cache.places(), name.replace(":", "_")).remove()
    codegen = cpu_target.target_context.codegen()
    take, make = codegen._add_module, lowering.Tile.__init__
    modules, tiles = [], []
    with (
        mock.patch.object(codegen, "_add_module", lambda module: modules.append(module.clone()) or take(module)),
        mock.patch.object(lowering.Tile, "__init__", lambda tile, *args: tiles.append(tile) or make(tile, *args)),
    ):
        jit._compile(getattr(kernels, kernel), dtype, form == "parallel")
    return "".join(codegen._tm.emit_assembly(module) for module in modules), tiles


def main(file, *names):
    """Compile kernels for the CPU that the environment asks for, and write what they became."""
    from numba.core.registry import cpu_target

    from fastmlp._base import files
    from fastmlp._compiling import cache
    from fastmlp.kernels import simd

    texts, tiles = {}, []
    for name in names:
        texts[name], new = compiled(name)
        tiles += new
    count = {str(tile): cpu_target.target_context.get_value_type(tile).count for tile in tiles}
    found = {
        "triple": cache.target_cpu()[0],
        "features": [name for name, present in simd.FEATURES.items() if present],
        "vector_bytes": simd.VECTOR_BYTES,
        "tiles": sorted({(str(tile.vector.dtype), count[str(tile)]) for tile in tiles}),
        "texts": texts,
    }
    files.write_atomically(Path(file), json.dumps(found).encode())
