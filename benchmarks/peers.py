"""Measure other toolkits and seqtext side by side: one model, one corpus, one machine.

    python -m benchmarks peers prepare MULTI30K OUT       # folder with train, val, test_2016_flickr .en .de
    python -m benchmarks peers train OUT --environments DIR
    python -m benchmarks peers quality OUT --environments DIR --peer fairseq --epochs 9
    python -m benchmarks peers decode OUT --environments DIR --seqtext_run RUN --pieces 15

Each measurement is a JSON object. A table ends the output. ``train`` counts target pieces with eos and
without padding, from the second quarter of the updates on. The counts of peers come from their logs.
Those of seqtext come from a callback.

``decode`` measures the time for all sentences without the start-up, which is the time for one sentence. With
``--pieces`` each output has exactly so many, so that all toolkits do equal work. Without it, compare trained
models only, because an untrained one may never end an output. ``to_first`` is the speed beside that of the
first row. CPU seconds are those of all cores. Other programs change them less.

DIR holds a virtual environment for each peer. Peers without an environment are left out. The script
needs seqtext and psutil. Only Marian installs and runs unchanged beside torch 2.13 on Python 3.11 (2026-11):

    onmt     pip install torch psutil setuptools six configargparse ctranslate2 tensorboard flask waitress
             pyonmttok pyyaml rapidfuzz pyahocorasick fasttext-wheel spacy sentencepiece sacrebleu, and then
             pip install --no-deps OpenNMT-py==3.5.1, which asks for an older torch
    fairseq  pip install torch fairseq-fixed==0.12.3.1
    marian   pip install pymarian==1.12.42
    joey     pip install torch joeynmt==2.3.0 importlib_metadata; remove "verbose" from its builders.py
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import sentencepiece

from benchmarks.common import (
    FailedError,
    Row,
    decoding_precisions,
    medians,
    parser_of,
    read,
    report,
    table,
    use_threads,
    watch,
    write,
)
from benchmarks.peer_decoding import (
    DONE,
    decode,
    decode_file,
    detokenized,
    failures_reported,
    fresh,
    installed_peers,
)
from benchmarks.peer_toolkits import PEERS
from benchmarks.toolkit import (
    NETWORKS,
    SENTENCES,
    VARIANTS,
    VOCABULARY,
    Plan,
    Search,
    Seqtext,
    Toolkit,
)
from seqtext.metrics import score_translations

SPLITS = {"train": "train", "val": "val", "test": "test_2016_flickr"}


# --- what is measured -----------------------------------------------------------------------------------


def prepare(options: argparse.Namespace) -> list[Row]:
    """Text, pieces and vocabularies for all."""
    data: Path = options.out / "data"
    data.mkdir(parents=True, exist_ok=True)
    for split, name in SPLITS.items():
        for side in ("en", "de"):
            text = [" ".join(line.split()) for line in read(options.multi30k / f"{name}.{side}")]
            write(data / f"{split}.{side}", text)
    sentencepiece.SentencePieceTrainer.train(
        input=[str(data / f"train.{side}") for side in ("en", "de")],
        model_prefix=str(data / "pieces"),
        model_type="unigram",
        vocab_size=VOCABULARY,
        character_coverage=1.0,
        shuffle_input_sentence=False,
        num_threads=1,  # the pieces would depend on it
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_file=str(data / "pieces.model"))
    for split in SPLITS:
        for side in ("en", "de"):
            encoded = processor.encode(read(data / f"{split}.{side}"), out_type=str)
            write(data / f"{split}.pieces.{side}", map(" ".join, encoded))
    pieces = [processor.id_to_piece(i) for i in range(3, VOCABULARY)]  # after unk, bos, eos
    write(data / "vocabulary.opennmt", (f"{piece}\t1" for piece in pieces))
    write(data / "vocabulary.marian.txt", ["</s>", "<unk>", *pieces])
    write(data / "vocabulary.fairseq", (f"{piece} 1" for piece in pieces))
    write(data / "vocabulary.joeynmt", ["<unk>", "<pad>", "<s>", "</s>", *pieces])
    shutil.rmtree(data / "fairseq", ignore_errors=True)
    row = {"pairs": len(read(data / "train.de"))}
    report("corpus", str(options.multi30k), **row)
    return [{"name": str(options.multi30k), **row}]


def train(options: argparse.Namespace) -> list[Row]:
    """Speed of training, one row for each peer and each variant of seqtext."""
    plan = Plan(options.updates, max(1, options.updates // 8), 0)
    variants = {f"seqtext-{name}": Seqtext(name, options.out / "data") for name in options.variants}
    toolkits: dict[str, Toolkit] = {**installed_peers(options), **variants}
    rows: dict[str, list[Row]] = {name: [] for name in toolkits}
    for _ in range(options.repeats):
        for name, toolkit in toolkits.items():
            with failures_reported(name):
                row = train_toolkit(toolkit, fresh(options.out / "train" / name), plan)
                rows[name].append(row)
                report("training", name, **row)
    return [{"name": name, **medians(measured)} for name, measured in rows.items() if measured]


def train_toolkit(toolkit: Toolkit, folder: Path, plan: Plan) -> Row:
    """Figures of a training, its speed from the second quarter of the updates on."""
    toolkit.prepare()
    cost = watch(toolkit.train(folder, plan), folder, toolkit.variables)
    (folder / DONE).touch()
    intervals = [part for part in toolkit.intervals(folder, plan) if part.step > plan.updates // 4]
    pieces, seconds = (
        sum(part.pieces for part in intervals),
        sum(part.seconds for part in intervals),
    )
    updates, words = plan.report_every * len(intervals), toolkit.words_a_piece(folder)
    return {
        "target_pieces_per_second": round(pieces / seconds),
        "target_words_per_second": round(pieces / seconds * words),
        "pieces_an_update": round(pieces / updates),
        "ms_an_update": round(1000 * seconds / updates),
        "intervals": [round(part.pieces / part.seconds) for part in intervals],
        "minutes": round(cost.seconds / 60, 2),
        "peak_mib": cost.peak_mib,
        "million_parameters": toolkit.million_parameters(folder),
        "words_a_piece": words,
        "peer": toolkit.versions(),
    }


def quality(options: argparse.Namespace) -> list[Row]:
    """Train a peer for long, keep the best checkpoint by validation loss, score the test set."""
    peer = PEERS[options.peer](options.environments, options.out / "data")
    epoch = math.ceil(len(read(peer.data / "train.de")) / SENTENCES)
    # JoeyNMT insists on a true divisor
    report_every = next(number for number in range(epoch // 2, 0, -1) if epoch % number == 0)
    plan = Plan(options.epochs * epoch, report_every, validate_every=epoch)
    folder = fresh(options.out / "quality" / options.peer)
    figures = train_toolkit(peer, folder, plan)
    source, search = peer.data / "test.pieces.en", Search(options.beam_size, SENTENCES)
    _, sentences = decode_file(peer, folder, fresh(folder / "decoded"), source, search)
    hypotheses = [detokenized(pieces) for pieces in sentences]
    write(folder / "hypotheses.de", hypotheses)
    scores = score_translations(hypotheses, read(peer.data / "test.de"))
    row = {"epochs": options.epochs, **figures, **scores._asdict()}
    report("quality", f"{options.peer}, beam {options.beam_size}", **row)
    return [{"name": options.peer, **row}]


# --- the command line -----------------------------------------------------------------------------------


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = parser_of(__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    each = {name: commands.add_parser(name) for name in ("prepare", "train", "decode", "quality")}
    each["prepare"].add_argument("multi30k", type=Path)
    for command in each.values():
        command.add_argument("out", type=Path, help="folder for all that is made")
        command.add_argument("--threads", type=int, default=2)
    for name in ("train", "decode", "quality"):
        each[name].add_argument("--environments", type=Path, help="folder with one for each peer")
    for name in ("train", "decode"):
        each[name].add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
        each[name].add_argument("--repeats", type=int, default=1, help="medians are reported")
    for name in ("decode", "quality"):
        each[name].add_argument("--beam_size", type=int, default=5)
    each["train"].add_argument("--updates", type=int, default=160)
    each["train"].add_argument("--variants", nargs="*", choices=VARIANTS, default=VARIANTS)
    each["decode"].add_argument("--batch_size", type=int, default=64)
    each["decode"].add_argument("--sentences", type=int, default=1000)
    each["decode"].add_argument("--pieces", type=int, help="of each output")
    precisions = decoding_precisions()
    each["decode"].add_argument("--precisions", nargs="*", choices=precisions, default=precisions)
    each["decode"].add_argument("--networks", nargs="*", choices=NETWORKS, default=list(NETWORKS))
    each["decode"].add_argument("--seqtext_run", type=Path, action="append", default=[])
    each["quality"].add_argument("--peer", choices=PEERS, required=True)
    each["quality"].add_argument("--epochs", type=int, default=9)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    use_threads(options.threads)
    commands = {"prepare": prepare, "train": train, "decode": decode, "quality": quality}
    try:
        rows = commands[options.command](options)
    except FailedError as error:
        sys.exit(f"benchmarks peers: {error}")
    table(rows)
