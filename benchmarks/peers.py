"""Measure other toolkits and seqtext side by side: one model, one corpus, one machine.

    python benchmarks/peers.py prepare MULTI30K OUT       # folder with train, val, test_2016_flickr .en .de
    python benchmarks/peers.py train OUT --environments DIR
    python benchmarks/peers.py quality OUT --environments DIR --peer fairseq --epochs 9
    python benchmarks/peers.py decode OUT --environments DIR --seqtext_run RUN

Each measurement is a JSON object. A table ends the output. ``train`` counts target pieces with eos and
without padding, from the second quarter of the updates on. The counts of peers come from their logs,
those of seqtext from a callback. ``decode`` subtracts the start-up, which is the time for one sentence,
from the time for all.

DIR holds a virtual environment for each peer. Peers without an environment are left out. The script
needs seqtext and psutil. No peer installs and runs unchanged with torch 2.13 on Python 3.11 (2026-11):

    onmt     pip install torch psutil setuptools six configargparse ctranslate2 tensorboard flask waitress
             pyonmttok pyyaml rapidfuzz pyahocorasick fasttext-wheel spacy sentencepiece sacrebleu, and then
             pip install --no-deps OpenNMT-py==3.5.1, which asks for an older torch
    fairseq  pip install torch fairseq-fixed==0.12.3.1
    joey     pip install torch joeynmt==2.3.0 importlib_metadata; remove "verbose" from its builders.py
    eole     pip install torch eole==0.6.4 aiohttp
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import math
import re
import shutil
import statistics
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import sentencepiece
from common import (
    REPOSITORY,
    Command,
    Cost,
    FailedError,
    parser_of,
    read,
    read_log,
    report,
    table,
    use_threads,
    watch,
    words_a_piece,
    write,
)

from seqtext import checkpoint
from seqtext.metrics import score_translations
from seqtext.nn.precision import has_bfloat16

# the model of all: one layer each, the encoder in both directions, HIDDEN / 2 wide each
VOCABULARY = 8_000  # joint pieces with unk, bos and eos. The peers add pad
EMBEDDING, HIDDEN = 256, 512
DROPOUT, LABEL_SMOOTHING = 0.3, 0.1
LEARNING_RATE, CLIP = 0.001, 1.0  # Adam, constant
SENTENCES = 64  # of an update
MAX_LENGTH = 60  # pieces of an output
SPLITS = {"train": "train", "val": "val", "test": "test_2016_flickr"}

Row = dict[str, Any]


class Plan(NamedTuple):
    """How long to train."""

    updates: int
    report_every: int
    validate_every: int  # 0: never


class Interval(NamedTuple):
    """Some updates, up to ``step``."""

    step: int
    pieces: float
    seconds: float


class Search(NamedTuple):
    """How to decode."""

    beam_size: int
    batch_size: int


# --- the peers ------------------------------------------------------------------------------------------


class Peer(ABC):
    """How to call a toolkit, and how to read what it says."""

    environment: ClassVar[str]  # its folder
    package: ClassVar[str]
    parameters: ClassVar[str]  # pattern of their number
    progress: ClassVar[
        str
    ]  # pattern with step, batch (pieces an update) and rate (pieces a second)

    def __init__(self, environments: Path, data: Path) -> None:
        self.bin, self.data = environments.resolve() / self.environment / "bin", data.resolve()

    @property
    def installed(self) -> bool:
        """Whether there is an environment."""
        return self.bin.is_dir()

    def versions(self) -> dict[str, str]:
        """Versions of the toolkit and of its torch."""
        names = (self.package, "torch")
        code = f"from importlib.metadata import version as v; print(*map(v, {names}))"
        call: Command = [self.bin / "python", "-c", code]
        found = subprocess.run(call, capture_output=True, text=True, check=True).stdout.split()
        return dict(zip(names, found, strict=True))

    def prepare(self) -> None:
        """Make what the toolkit needs besides pieces and vocabulary."""
        return

    @abstractmethod
    def train(self, folder: Path, plan: Plan) -> Command:
        """The command that trains a model into ``folder``."""

    @abstractmethod
    def decode(self, folder: Path, source: Path, output: Path, search: Search) -> Command:
        """The command that decodes ``source``, which is also its stdin, with that model."""

    def intervals(self, log: str, plan: Plan) -> list[Interval]:
        """What the log of a training says."""
        found = []
        for line in re.finditer(self.progress, log):
            pieces, rate = plan.report_every * float(line["batch"]), float(line["rate"])
            found.append(Interval(int(line["step"]), pieces, pieces / rate if rate else math.inf))
        return found

    def decoded(self, output: Path, stdout: Path) -> list[list[str]]:
        """The pieces of every sentence."""
        return [line.split() for line in read(output if output.exists() else stdout)]


class OpenNMT(Peer):
    """OpenNMT-py: input feeding, ``mlp`` attention."""

    environment, package = "onmt", "OpenNMT-py"
    parameters = r"number of parameters: (\d+)"
    progress = r"Step +(?P<step>\d+)/.*bsz: +\d+/ *(?P<batch>\d+)/.*/ *(?P<rate>\d+) tok/s"

    def train(self, folder: Path, plan: Plan) -> Command:
        config = {
            **self._corpus(folder, plan), **self._optimization(plan), "save_model": folder / "model",
            "model_task": "seq2seq", "encoder_type": "brnn", "decoder_type": "rnn", "rnn_type": "LSTM",
            "enc_layers": 1, "dec_layers": 1, "word_vec_size": EMBEDDING, "hidden_size": HIDDEN,
            "input_feed": 1, "global_attention": "mlp", "model_dtype": "fp32",
        }  # fmt: skip
        return [self.bin / "onmt_train", "-config", write_config(folder, config)]

    def decode(self, folder: Path, source: Path, output: Path, search: Search) -> Command:
        model = folder / f"model_step_{best_step(folder)}.pt"
        options = self._translation(source, output, search)
        return [self.bin / "onmt_translate", "-model", model, *options, "-gpu", "-1"]

    def _corpus(self, folder: Path, plan: Plan) -> Row:
        vocabulary = self.data / "vocabulary.opennmt"
        corpora = {
            name: {f"path_{side}": self.data / f"{split}.pieces.{suffix}"
                   for side, suffix in (("src", "en"), ("tgt", "de"))}
            for name, split in (("corpus_1", "train"), ("valid", "val"))
        }  # fmt: skip
        return {
            "data": corpora, "save_data": folder / "run", "overwrite": True, "share_vocab": True,
            "src_vocab": vocabulary, "src_vocab_size": VOCABULARY + 1, "vocab_size_multiple": 1,
            "tgt_vocab": vocabulary, "tgt_vocab_size": VOCABULARY + 1, "seed": 1,
            "report_every": plan.report_every,
        }  # fmt: skip

    def _optimization(self, plan: Plan) -> Row:
        return {
            "optim": "adam", "learning_rate": LEARNING_RATE, "learning_rate_decay": 1.0,
            "decay_method": "none", "max_grad_norm": CLIP, "label_smoothing": LABEL_SMOOTHING,
            "dropout": [DROPOUT], "attention_dropout": [0.0], "param_init": 0.1,
            "batch_type": "sents", "batch_size": SENTENCES, "valid_batch_size": SENTENCES,
            "bucket_size": len(read(self.data / "train.de")), "num_workers": 0,
            "normalization": "tokens", "accum_count": [1], "train_steps": plan.updates,
            "valid_steps": plan.validate_every or 2 * plan.updates,
            "save_checkpoint_steps": plan.validate_every or plan.updates,
        }  # fmt: skip

    def _translation(self, source: Path, output: Path, search: Search) -> Command:
        files: Command = ["-src", source, "-output", output]
        sizes = ["-beam_size", str(search.beam_size), "-batch_size", str(search.batch_size)]
        limits = ["-max_length", str(MAX_LENGTH), "-length_penalty", "avg"]
        return [*files, *sizes, "-batch_type", "sents", *limits]


class Eole(OpenNMT):
    """eole, heir to OpenNMT-py: the same options, in sections."""

    environment, package = "eole", "eole"

    def train(self, folder: Path, plan: Plan) -> Command:
        layer = {"rnn_type": "LSTM", "layers": 1, "hidden_size": HIDDEN}
        source, target = {"src_word_vec_size": EMBEDDING}, {"tgt_word_vec_size": EMBEDDING}
        config = {
            **self._corpus(folder, plan), "n_sample": 0,
            "training": {
                **self._optimization(plan), "param_init_method": "uniform", "compute_dtype": "fp32",
                "model_path": folder / "model", "world_size": 0, "gpu_ranks": [],
            },
            "model": {
                "architecture": "rnn", "hidden_size": HIDDEN, "input_feed": True,
                "embeddings": {"position_encoding_type": None, **source, **target},
                "encoder": {"encoder_type": "brnn", **layer, **source},
                "decoder": {"decoder_type": "rnn", "global_attention": "mlp", **layer, **target},
            },
        }  # fmt: skip
        return [self.bin / "eole", "train", "-config", write_config(folder, config)]

    def decode(self, folder: Path, source: Path, output: Path, search: Search) -> Command:
        model = folder / "model" / f"step_{best_step(folder)}"
        options = self._translation(source, output, search)
        return [self.bin / "eole", "predict", "-model_path", model, *options, "-world_size", "0"]


class Fairseq(Peer):
    """fairseq's ``lstm``: input feeding and projected dot attention are all it has."""

    environment, package = "fairseq", "fairseq-fixed"
    parameters = r"num\. shared model params: ([\d,]+)"
    progress = r"wps=(?P<rate>[\d.]+),.* wpb=(?P<batch>[\d.]+),.* num_updates=(?P<step>\d+)"

    def prepare(self) -> None:
        folder, vocabulary = self.data / "fairseq", self.data / "vocabulary.fairseq"
        if (folder / "dict.de.txt").exists():
            return
        files = {"train": "train", "valid": "val", "test": "test"}
        options = {f"{name}pref": self.data / f"{split}.pieces" for name, split in files.items()}
        options |= {"srcdict": vocabulary, "tgtdict": vocabulary, "destdir": folder}
        call: Command = [self.bin / "fairseq-preprocess", "-s", "en", "-t", "de"]
        watch([*call, *long_options(options)], self.data)

    def train(self, folder: Path, plan: Plan) -> Command:
        options = {
            "arch": "lstm", "encoder-embed-dim": EMBEDDING, "decoder-embed-dim": EMBEDDING,
            "encoder-hidden-size": HIDDEN // 2, "decoder-hidden-size": HIDDEN,
            "decoder-out-embed-dim": HIDDEN, "dropout": DROPOUT,
            "criterion": "label_smoothed_cross_entropy", "label-smoothing": LABEL_SMOOTHING,
            "optimizer": "adam", "lr": LEARNING_RATE, "lr-scheduler": "fixed", "clip-norm": CLIP,
            "batch-size": SENTENCES, "batch-size-valid": SENTENCES, "num-workers": 0, "seed": 1,
            "max-update": plan.updates, "log-interval": plan.report_every, "log-format": "simple",
            "save-dir": folder,
        }  # fmt: skip
        call: Command = [self.bin / "fairseq-train", self.data / "fairseq", "-s", "en", "-t", "de"]
        call += [*long_options(options), "--encoder-bidirectional", "--cpu"]
        call += ["--no-epoch-checkpoints"]
        return call if plan.validate_every else [*call, "--disable-validation"]

    def decode(self, folder: Path, source: Path, output: Path, search: Search) -> Command:
        best = folder / "checkpoint_best.pt"
        options = {
            "path": best if best.exists() else folder / "checkpoint_last.pt", "input": source,
            "beam": search.beam_size, "batch-size": search.batch_size,
            "buffer-size": max(search.batch_size, len(read(source))),  # sorted by length within it
            "max-len-a": 0, "max-len-b": MAX_LENGTH,
        }  # fmt: skip
        call: Command = [self.bin / "fairseq-interactive", self.data / "fairseq", "--cpu"]
        return [*call, *long_options(options)]

    def decoded(self, output: Path, stdout: Path) -> list[list[str]]:
        found = {}
        for line in read(stdout):
            if line.startswith("H-"):
                number, _, pieces = line.split("\t")
                found[int(number.removeprefix("H-"))] = pieces.split()
        return [found[number] for number in sorted(found)]


class JoeyNMT(Peer):
    """JoeyNMT: input feeding, ``bahdanau`` attention."""

    environment, package = "joey", "joeynmt"
    parameters = r"Total params: (\d+)"
    progress = r"(?P<time>[\d-]+ [\d:,]+) - .*Step: +(?P<step>\d+),.*per Sec: +(?P<rate>\d+),"

    def train(self, folder: Path, plan: Plan) -> Command:
        config = {
            "name": "peers", "joeynmt_version": "2.3.0", "model_dir": folder / "model",
            "use_cuda": False, "fp16": False, "random_seed": 1, "data": self._corpus(),
            "training": self._optimization(plan), "testing": {}, "model": self._network(),
        }  # fmt: skip
        call: Command = [self.bin / "python", "-m", "joeynmt", "train"]
        return [*call, write_config(folder, config), "--skip-test"]

    def intervals(self, log: str, plan: Plan) -> list[Interval]:
        """Seconds from the times of the lines, as they do not tell pieces and seconds apart."""
        found = []
        for before, line in pairwise(re.finditer(self.progress, log)):
            start, end = (datetime.fromisoformat(one["time"]) for one in (before, line))
            seconds = (end - start).total_seconds()
            found.append(Interval(int(line["step"]), seconds * float(line["rate"]), seconds))
        return found

    def decode(self, folder: Path, source: Path, output: Path, search: Search) -> Command:
        """Through stdin and stdout: its own ``--output_path`` fails."""
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config["testing"] = {
            "beam_size": search.beam_size, "beam_alpha": 1.0, "n_best": 1, "eval_metrics": [],
            "batch_size": search.batch_size, "batch_type": "sentence",
            "max_output_length": MAX_LENGTH,
        }  # fmt: skip
        call: Command = [self.bin / "python", "-m", "joeynmt", "translate"]
        return [*call, write_config(output.parent, config)]

    def _corpus(self) -> Row:
        vocabulary = self.data / "vocabulary.joeynmt"
        side = {"level": "word", "voc_file": vocabulary, "lowercase": False, "normalize": False}
        symbols = {"unk": "<unk>", "pad": "<pad>", "bos": "<s>", "eos": "</s>"}
        files = {"train": "train", "dev": "val", "test": "test"}
        return {
            **{name: self.data / f"{split}.pieces" for name, split in files.items()},
            "dataset_type": "plain", "src": {"lang": "en", **side}, "trg": {"lang": "de", **side},
            "special_symbols": {
                **{f"{name}_token": symbol for name, symbol in symbols.items()},
                **{f"{name}_id": number for number, name in enumerate(symbols)},
            },
        }  # fmt: skip

    def _optimization(self, plan: Plan) -> Row:
        return {
            "optimizer": "adam", "learning_rate": LEARNING_RATE, "learning_rate_min": 0.0,
            "scheduling": "plateau", "patience": 1_000, "early_stopping_metric": "loss",
            "clip_grad_norm": CLIP, "loss": "crossentropy", "label_smoothing": LABEL_SMOOTHING,
            "batch_size": SENTENCES, "batch_type": "sentence", "normalization": "tokens",
            "shuffle": True, "epochs": 1_000, "updates": plan.updates,
            "validation_freq": plan.validate_every or plan.updates * plan.report_every,
            "logging_freq": plan.report_every, "keep_best_ckpts": 1, "print_valid_sents": [0],
            "overwrite": True,
        }  # fmt: skip

    def _network(self) -> Row:
        side = {
            "type": "recurrent", "rnn_type": "lstm", "num_layers": 1, "dropout": DROPOUT,
            "embeddings": {"embedding_dim": EMBEDDING, "scale": False},
        }  # fmt: skip
        return {
            "initializer": "xavier_uniform", "bias_initializer": "zeros", "lstm_forget_gate": 1.0,
            "embed_initializer": "normal", "embed_init_weight": 0.1,
            "tied_embeddings": False, "tied_softmax": False,
            "encoder": {**side, "hidden_size": HIDDEN // 2, "bidirectional": True},
            "decoder": {
                **side, "hidden_size": HIDDEN, "hidden_dropout": DROPOUT, "input_feeding": True,
                "init_hidden": "bridge", "attention": "bahdanau",
            },
        }  # fmt: skip


PEERS: dict[str, Callable[[Path, Path], Peer]] = {
    "opennmt": OpenNMT,
    "fairseq": Fairseq,
    "joeynmt": JoeyNMT,
    "eole": Eole,
}


def write_config(folder: Path, config: Row) -> Path:
    """JSON, which is YAML."""
    path = folder / "config.json"
    text = json.dumps(config, indent=2, ensure_ascii=False, default=str)
    path.write_text(text, encoding="utf-8")
    return path


def long_options(options: Row) -> list[str]:
    """``--name=value`` for each."""
    return [f"--{name}={value}" for name, value in options.items()]


def best_step(folder: Path) -> int:
    """The saved step of the least validation perplexity, else the last one (OpenNMT-py, eole)."""
    names = [*folder.glob("model_step_*.pt"), *folder.glob("model/step_*")]
    steps = sorted(int(path.stem.rpartition("_")[2]) for path in names)
    found = re.findall(r"[Vv]alidation perplexity: ([\d.]+)", read_log(folder))
    perplexities = [float(value) for value in found]
    if len(perplexities) != len(steps):
        return steps[-1]
    return steps[perplexities.index(min(perplexities))]


# --- seqtext --------------------------------------------------------------------------------------------

RECIPE = REPOSITORY / "recipes/translation/multi30k.yaml"
# precision, and options beside those of the model above. None: the recipe unchanged
VARIANTS: dict[str, tuple[str, dict[str, Any] | None]] = {
    "feeding-additive-fp32": ("32-true", {"input_feeding": "true", "attention": "additive"}),
    "fused-additive-fp32": ("32-true", {"input_feeding": "false", "attention": "additive"}),
    "fused-general-fp32": ("32-true", {"input_feeding": "false", "attention": "general"}),
    "fused-general-bf16": ("bf16-mixed", {"input_feeding": "false", "attention": "general"}),
    "recipe-fp32": ("32-true", None),
    "recipe-bf16": ("bf16-mixed", None),
}


def seqtext_training(
    variant: str, data: Path, folder: Path, plan: Plan
) -> tuple[Row, list[Interval]]:
    """Train through the command line. Return figures and the intervals of ``plan``."""
    precision, network = VARIANTS[variant]
    log, run = folder / "updates.txt", folder / "run"
    callback = {"class_path": "common.UpdateLog", "init_args": {"path": str(log)}}
    options = {
        **({"config": RECIPE} if network is None else common_options(network, data)),
        "run": run, "data.train": data / "train", "data.validation": "null", "data.test": "null",
        "data.source": "en", "data.target": "de", "data.cache_dir": data / "cache",
        "trainer.max_steps": plan.updates, "trainer.precision": precision,
        "trainer.accelerator": "cpu", "trainer.callbacks": json.dumps([callback]),
    }  # fmt: skip
    call: Command = [sys.executable, "-m", "seqtext", "fit", *long_options(options)]
    environment = {"PYTHONPATH": str(Path(__file__).resolve().parent)}
    cost = watch(call, folder, environment)
    ends, pieces, sentences = zip(*(line.split() for line in read(log)), strict=True)
    intervals = []
    for start in range(0, len(ends) - plan.report_every, plan.report_every):
        end = start + plan.report_every
        counted, seconds = pieces[start + 1 : end + 1], float(ends[end]) - float(ends[start])
        intervals.append(Interval(end, sum(map(int, counted)), seconds))
    figures = {
        **common_figures(cost, read_log(folder), r"([\d.]+) M parameters"),
        "sentences_an_update": round(statistics.mean(map(int, sentences[1:])), 1),
        "words_a_piece": of_corpus(data, run),
    }
    return figures, intervals


def common_options(network: Row, data: Path) -> Row:
    """The model of the peers, with their pieces."""
    sizes = {
        "embedding_size": EMBEDDING, "hidden_size": HIDDEN, "dropout": DROPOUT,
        "encoder_layers": 1, "decoder_layers": 1, "tied_readout": "false", "readout_size": HIDDEN,
        **network,
    }  # fmt: skip
    return {
        **{f"model.network.{name}": value for name, value in sizes.items()},
        "model.label_smoothing": LABEL_SMOOTHING, "trainer.gradient_clip_val": CLIP,
        "model.optimizer.learning_rate": LEARNING_RATE, "model.optimizer.schedule": "constant",
        "model.optimizer.warmup_steps": 0, "data.batch_size": SENTENCES, "data.batch_tokens": "null",
        "data.tokenizer.source_model": data / "pieces.model",
    }  # fmt: skip


def seqtext_decoding(
    run: Path, folder: Path, source: Path, search: Search, precision: str
) -> tuple[Cost, list[list[str]]]:
    """Decode raw text through the command line. Return the pieces of every sentence."""
    text, output = source.with_suffix(".en"), folder / "output"
    call: Command = [sys.executable, "-m", "seqtext", "generate", run, "--input", text]
    call += ["--output", output, "--format=jsonl", f"--max_length={MAX_LENGTH}"]
    call += [f"--precision={precision}"]
    call += [f"--beam_size={search.beam_size}", f"--batch_size={search.batch_size}"]
    cost = watch(call, folder)
    return cost, [json.loads(line)["hypotheses"][0]["pieces"] for line in read(output)]


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
    write(data / "vocabulary.fairseq", (f"{piece} 1" for piece in pieces))
    write(data / "vocabulary.joeynmt", ["<unk>", "<pad>", "<s>", "</s>", *pieces])
    shutil.rmtree(data / "fairseq", ignore_errors=True)
    for peer in installed(options).values():
        peer.prepare()
    row = {"pairs": len(read(data / "train.de")), "words_a_piece": of_corpus(data)}
    report("corpus", str(options.multi30k), **row)
    return [{"name": str(options.multi30k), **row}]


def train(options: argparse.Namespace) -> list[Row]:
    """Speed of training, one row for each peer and each variant of seqtext."""
    data = options.out / "data"
    plan = Plan(options.updates, max(1, options.updates // 8), 0)
    trainings: dict[str, Callable[[Path], tuple[Row, list[Interval]]]] = {}
    for name, peer in installed(options).items():
        peer.prepare()
        trainings[name] = functools.partial(peer_training, peer, plan=plan)
    for name in options.variants:
        trainings[f"seqtext-{name}"] = functools.partial(seqtext_training, name, data, plan=plan)
    measured: dict[str, list[Row]] = {name: [] for name in trainings}
    for _ in range(options.repeats):
        for name, training in trainings.items():
            with reported(name):
                figures, intervals = training(fresh(options.out / "train" / name))
                measured[name].append(speed(figures, intervals, plan))
                report("training", name, **measured[name][-1])
    return [{"name": name, **medians(rows)} for name, rows in measured.items() if rows]


def peer_training(peer: Peer, folder: Path, plan: Plan) -> tuple[Row, list[Interval]]:
    """Train a peer. Return figures and the intervals of ``plan``."""
    cost = watch(peer.train(folder, plan), folder, PEER_ENVIRONMENT)
    log = read_log(folder)
    figures = {
        **common_figures(cost, log, peer.parameters),
        "words_a_piece": of_corpus(peer.data),
        "peer": peer.versions(),
    }
    (folder / DONE).touch()
    return figures, peer.intervals(log, plan)


def common_figures(cost: Cost, log: str, parameters: str) -> Row:
    """Figures of every training. ``parameters`` is the pattern of their number."""
    found = re.search(parameters, log)
    number = float(found[1].replace(",", "")) if found else math.nan
    return {
        "minutes": round(cost.seconds / 60, 2),
        "peak_mib": cost.peak_mib,
        "million_parameters": round(number / 1e6 if number > 1e5 else number, 1),
    }


def speed(figures: Row, intervals: list[Interval], plan: Plan) -> Row:
    """Figures of a training from the second quarter of its updates on."""
    counted = [one for one in intervals if one.step > plan.updates // 4]
    pieces, seconds = sum(one.pieces for one in counted), sum(one.seconds for one in counted)
    updates = plan.report_every * len(counted)
    return {
        "target_pieces_per_second": round(pieces / seconds),
        "target_words_per_second": round(pieces / seconds * figures["words_a_piece"]),
        "pieces_an_update": round(pieces / updates),
        "ms_an_update": round(1000 * seconds / updates),
        "intervals": [round(one.pieces / one.seconds) for one in counted],
        **figures,
    }


def decode(options: argparse.Namespace) -> list[Row]:
    """Speed of decoding the test set, one row for each peer that is trained and each run."""
    search = Search(options.beam_size, options.batch_size)
    decodings: dict[str, Callable[[Path, Path], tuple[Cost, list[list[str]]]]] = {}
    for name, peer in installed(options).items():
        if (model := trained(options.out, name)) is not None:
            decodings[name] = functools.partial(peer_decoding, peer, model, search=search)
    for run in options.seqtext_run:
        for precision in ("fp32", "bf16") if has_bfloat16() else ("fp32",):
            name = "-".join(("seqtext", *run.resolve().parts[-2:], precision))
            decodings[name] = functools.partial(
                seqtext_decoding, run, search=search, precision=precision
            )
    sizes = (1, options.sentences)
    for size in sizes:
        for suffix, name in ((".en", "test.en"), (".pieces", "test.pieces.en")):
            text = read(options.out / "data" / name)[:size]
            write(options.out / "data" / f"test-{size}{suffix}", text)
    rows = []
    for name, decoding in decodings.items():
        with reported(name):
            results = []
            for size in sizes * options.repeats:
                folder = fresh(options.out / "decode" / name / str(size))
                results.append(decoding(folder, options.out / "data" / f"test-{size}.pieces"))
            figures = decoding_speed(results[0::2], results[1::2])
            rows.append({"name": name, **figures})
            report("decoding", name, **search._asdict(), **figures)
    return rows


def peer_decoding(
    peer: Peer, model: Path, folder: Path, source: Path, search: Search
) -> tuple[Cost, list[list[str]]]:
    """Decode pieces with a peer. Return the pieces of every sentence."""
    output = folder / "output"
    call = peer.decode(model, source.resolve(), output, search)
    cost = watch(call, folder, PEER_ENVIRONMENT, source)
    return cost, peer.decoded(output, folder / "stdout")


Decoding = tuple[Cost, list[list[str]]]


def decoding_speed(first: list[Decoding], all_: list[Decoding]) -> Row:
    """Figures of the commands on one sentence and on all sentences."""
    startup, wall = (statistics.median(cost.seconds for cost, _ in some) for some in (first, all_))
    pieces = all_[0][1]
    others = pieces[1:]
    return {
        "sentences": len(pieces),
        "startup_seconds": round(startup, 2),
        "wall_seconds": round(wall, 2),
        "sentences_per_second": round(len(others) / (wall - startup), 1),
        "pieces_per_second": round(sum(map(len, others)) / (wall - startup)),
        "words_per_second": round(
            sum(len(detokenized(p).split()) for p in others) / (wall - startup)
        ),
        "pieces_a_sentence": round(sum(map(len, pieces)) / len(pieces), 1),
        "peak_mib": max(cost.peak_mib for cost, _ in all_),
    }


def quality(options: argparse.Namespace) -> list[Row]:
    """Train a peer for long, keep the best checkpoint by validation loss, score the test set."""
    peer = PEERS[options.peer](options.environments, options.out / "data")
    peer.prepare()
    epoch = math.ceil(len(read(peer.data / "train.de")) / SENTENCES)
    # JoeyNMT insists on a true divisor
    report_every = next(number for number in range(epoch // 2, 0, -1) if epoch % number == 0)
    plan = Plan(options.epochs * epoch, report_every, validate_every=epoch)
    folder = fresh(options.out / "quality" / options.peer)
    figures, _ = peer_training(peer, folder, plan)
    search = Search(options.beam_size, SENTENCES)
    source = peer.data / "test.pieces.en"
    _, pieces = peer_decoding(peer, folder, fresh(folder / "decoded"), source, search)
    hypotheses = [detokenized(sentence) for sentence in pieces]
    write(folder / "hypotheses.de", hypotheses)
    scores = score_translations(hypotheses, read(peer.data / "test.de"))
    row = {"epochs": options.epochs, **figures, **scores._asdict()}
    report("quality", f"{options.peer}, beam {options.beam_size}", **row)
    return [{"name": options.peer, **row}]


# --- helpers --------------------------------------------------------------------------------------------

# they read their own checkpoints, which torch >= 2.6 refuses
PEER_ENVIRONMENT = {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1", "PYTHONWARNINGS": "ignore"}
DONE = "trained"  # marks the folder of a training that came to its end


def fresh(folder: Path) -> Path:
    """An empty folder, as an absolute path."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder.resolve()


@contextlib.contextmanager
def reported(name: str) -> Iterator[None]:
    """Say what failed, and go on with the others."""
    try:
        yield
    except FailedError as failure:
        print(f"peers.py: {name} failed\n{failure}", file=sys.stderr)


def installed(options: argparse.Namespace) -> dict[str, Peer]:
    """The peers asked for that have an environment."""
    if options.environments is None:
        return {}
    peers = {
        name: PEERS[name](options.environments, options.out / "data") for name in options.peers
    }
    return {name: peer for name, peer in peers.items() if peer.installed}


def trained(out: Path, name: str) -> Path | None:
    """Where the best model of a peer lies."""
    folders = [out / command / name for command in ("quality", "train")]
    return next((folder.resolve() for folder in folders if (folder / DONE).exists()), None)


def of_corpus(data: Path, run: Path | None = None) -> float:
    """Words for each target piece of the training corpus, in the pieces of a run."""
    text = read(data / "train.de")
    encoded: Sequence[Sequence[object]]
    if run is not None:
        encoded = checkpoint.load(run).tokenizers.target.encode(text)
    else:
        encoded = [line.split() for line in read(data / "train.pieces.de")]
    return round(words_a_piece(text, encoded), 4)


def detokenized(pieces: Sequence[str]) -> str:
    """The text that pieces spell."""
    return "".join(pieces).replace("▁", " ").strip()


def medians(rows: list[Row]) -> Row:
    """The median of every number."""
    return {
        name: round(statistics.median(row[name] for row in rows), 4)
        for name, value in rows[0].items()
        if isinstance(value, int | float)
    }


def tell(rows: list[Row]) -> None:
    """Print names and numbers as a table."""
    numbers = [name for row in rows for name in row if isinstance(row[name], int | float)]
    names = ["name", *dict.fromkeys(numbers)]
    table(names, [[row.get(name, "") for name in names] for row in rows])


def parse() -> argparse.Namespace:
    """The command line."""
    parser = parser_of(__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    each = {name: commands.add_parser(name) for name in ("prepare", "train", "decode", "quality")}
    each["prepare"].add_argument("multi30k", type=Path)
    for command in each.values():
        command.add_argument("out", type=Path, help="folder for all that is made")
        command.add_argument("--environments", type=Path, help="folder with an environment a peer")
        command.add_argument("--threads", type=int, default=2)
    for name in ("prepare", "train", "decode"):
        each[name].add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    for name in ("train", "decode"):
        each[name].add_argument("--repeats", type=int, default=1, help="medians are reported")
    for name in ("decode", "quality"):
        each[name].add_argument("--beam_size", type=int, default=5)
    each["train"].add_argument("--updates", type=int, default=160)
    each["train"].add_argument(
        "--variants", nargs="*", choices=VARIANTS, default=list(VARIANTS), help="of seqtext"
    )
    each["decode"].add_argument("--batch_size", type=int, default=64)
    each["decode"].add_argument("--sentences", type=int, default=1000)
    each["decode"].add_argument("--seqtext_run", type=Path, action="append", default=[])
    each["quality"].add_argument("--peer", choices=PEERS, required=True)
    each["quality"].add_argument("--epochs", type=int, default=9)
    each["quality"].set_defaults(peers=[])
    return parser.parse_args()


def main() -> None:
    options = parse()
    use_threads(options.threads)
    command = {"prepare": prepare, "train": train, "decode": decode, "quality": quality}
    try:
        rows = command[options.command](options)
    except FailedError as error:
        sys.exit(f"peers.py: {error}")
    tell(rows)


if __name__ == "__main__":
    main()
