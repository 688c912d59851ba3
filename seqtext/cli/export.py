"""``seqtext export``: a checkpoint in, a folder out that a program without PyTorch decodes with."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from seqtext import files
from seqtext.cli.consent import add_trust
from seqtext.cli.flags import Parser
from seqtext.cli.models import load_models
from seqtext.cli.outputs import write_errors
from seqtext.cli.streams import check_input, open_input
from seqtext.errors import ConfigError, DataError

if TYPE_CHECKING:
    from seqtext.inference.classifier import Classifier
    from seqtext.inference.generator import Generator

_PACKAGES = ("onnx", "onnxruntime")
_MADE = 50  # texts


def parser() -> Parser:
    """The options. Importing this and asking for help stays light."""
    parser = Parser(
        "export",
        "CKPT FOLDER [--KEY VALUE]…",
        "Write a model in the format ONNX, with its tokenizers and its search. seqtext-run decodes with it,"
        " without PyTorch. The files are compared with the checkpoint before they appear.",
    )
    parser.add_argument("checkpoint", metavar="CKPT", help="a checkpoint file or a run folder")
    parser.add_argument("folder", metavar="FOLDER", help="a new folder to write")
    parser.add_argument(
        "--format",
        choices=("onnx",),
        default="onnx",
        help="of the graphs, which ONNX Runtime reads",
    )
    parser.add_argument(
        "--precision", choices=("fp32", "int8"), default="fp32",
        help="int8: products in 8-bit integers, which is faster and takes a quarter of the space for most"
        " weights; a few outputs differ",
    )  # fmt: skip
    parser.add_argument(
        "--check", metavar="F",
        help=f"compare with the checkpoint on these lines (default: {_MADE} texts made of pieces)",
    )  # fmt: skip
    add_trust(parser)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse, build, compare, write."""
    options = parser().parse(arguments)
    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise ConfigError(
            f"seqtext export needs the package {missing[0]}. Install both that it needs with:"
            f" pip install 'seqtext[export]', or pip install {' '.join(_PACKAGES)}"
        )
    _check_folder(options.folder)
    check_input(options.check, "--check")
    options.checkpoints, options.device = [options.checkpoint], "cpu"
    precision, options.precision = options.precision, "fp32"  # the checkpoint's, to compare with
    from seqtext.export.check import check_difference, compare, made_ids
    from seqtext.export.folder import build_graphs, check_model, write_model
    from seqtext.inference.loading import load

    model = load_models(options, load)
    check_model(model)
    texts = made_ids(model, _MADE) if options.check is None else _read(model, options.check)
    graphs = build_graphs(model, precision)
    result = compare(model, graphs, texts)
    check_difference(result, precision)
    with write_errors(options.folder, "FOLDER"), files.whole_folder(options.folder) as folder:
        write_model(model, graphs, precision, folder)
    size = sum(file.stat().st_size for file in Path(options.folder).iterdir())
    of = "made of the tokenizer's pieces" if options.check is None else f"of {options.check}"
    kind = "greedy outputs" if "step" in graphs else "labels"
    print(
        f"{options.folder}: {precision}, {size / 1e6:.1f} MB. Compared with the checkpoint on"
        f" {result.texts:,} texts {of}: {kind} equal for {result.equal:,}, largest difference"
        f" {result.largest:.1g}",
        file=sys.stderr,
    )


def _check_folder(path: str) -> None:
    """Refuse a folder that cannot be made, before a checkpoint is read.

    Raises:
        DataError: It is there already, or its name or its place is not good.
    """
    if (reason := files.odd_name(f"{path}.{'0' * 8}.part")) is not None:
        raise DataError(f"{path}: cannot be written ({reason}). Choose another name")
    folder = Path(path)
    if folder.exists():
        raise DataError(f"{path}: exists already. Remove it, or choose another name")
    if not folder.parent.is_dir():
        raise DataError(f"{path}: no folder {folder.parent}. Make it first")


def _read(model: Generator | Classifier, path: str) -> list[list[int]]:
    """Ids of the lines that have text."""
    from seqtext.inference.classifier import Classifier

    with open_input(path) as lines:
        texts = [line for chunk in lines.chunks() for line in chunk if line.strip()]
    if not texts:
        raise DataError(f"--check {path}: has no text")
    return model.encode(texts) if isinstance(model, Classifier) else model.encode(texts)[0]
