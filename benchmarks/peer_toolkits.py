"""The toolkits that seqtext is compared with: how to call them, and how to read what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.common import Command, read, read_log, watch
from benchmarks.marian import Marian
from benchmarks.toolkit import (
    CLIP,
    DROPOUT,
    EMBEDDING,
    HIDDEN,
    LABEL_SMOOTHING,
    LEARNING_RATE,
    SENTENCES,
    VOCABULARY,
    Interval,
    Plan,
    Search,
    Toolkit,
    long_options,
)

Options = dict[str, Any]


class OpenNMT(Toolkit):
    """OpenNMT-py: input feeding, ``mlp`` attention."""

    environment, packages = "onmt", ("OpenNMT-py", "torch")
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

    def decode(self, model: Path, source: Path, output: Path, search: Search) -> Command:
        files: Command = ["-model", model / f"model_step_{best_step(model)}.pt"]
        files += ["-src", source, "-output", output]
        sizes = ["-beam_size", str(search.beam_size), "-batch_size", str(search.batch_size)]
        fewest, most = map(str, search.limits)
        limits = ["-min_length", fewest, "-max_length", most, "-length_penalty", "avg"]
        more = ["-batch_type", "sents", "-gpu", "-1"]
        return [self.bin / "onmt_translate", *files, *sizes, *limits, *more]

    def _corpus(self, folder: Path, plan: Plan) -> Options:
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

    def _optimization(self, plan: Plan) -> Options:
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


class Fairseq(Toolkit):
    """fairseq's ``lstm``: input feeding and projected dot attention are all it has."""

    environment, packages = "fairseq", ("fairseq-fixed", "torch")
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

    def decode(self, model: Path, source: Path, output: Path, search: Search) -> Command:
        best = model / "checkpoint_best.pt"
        fewest, most = search.limits
        options = {
            "path": best if best.exists() else model / "checkpoint_last.pt", "input": source,
            "beam": search.beam_size, "batch-size": search.batch_size,
            "buffer-size": max(search.batch_size, len(read(source))),  # sorted by length within it
            "max-len-a": 0, "max-len-b": most, "min-len": max(fewest, 1),
        }  # fmt: skip
        call: Command = [self.bin / "fairseq-interactive", self.data / "fairseq", "--cpu"]
        return [*call, *long_options(options)]

    def decoded(self, output: Path) -> list[list[str]]:
        sentences = {}
        for line in read(output.with_name("stdout")):
            if line.startswith("H-"):
                number, _, pieces = line.split("\t")
                sentences[int(number.removeprefix("H-"))] = pieces.split()
        return [sentences[number] for number in sorted(sentences)]


class JoeyNMT(Toolkit):
    """JoeyNMT: input feeding, ``bahdanau`` attention."""

    environment, packages = "joey", ("joeynmt", "torch")
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

    def intervals(self, folder: Path, plan: Plan) -> list[Interval]:
        """Seconds from the times of the lines, as they do not tell pieces and seconds apart."""
        intervals = []
        for before, line in pairwise(re.finditer(self.progress, read_log(folder))):
            start, end = (datetime.fromisoformat(entry["time"]) for entry in (before, line))
            seconds = (end - start).total_seconds()
            intervals.append(Interval(int(line["step"]), seconds * float(line["rate"]), seconds))
        return intervals

    def decode(self, model: Path, source: Path, output: Path, search: Search) -> Command:
        """Through stdin and stdout: its own ``--output_path`` fails."""
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
        fewest, most = search.limits
        config["testing"] = {
            "beam_size": search.beam_size, "beam_alpha": 1.0, "n_best": 1, "eval_metrics": [],
            "batch_size": search.batch_size, "batch_type": "sentence",
            "min_output_length": max(fewest, 1), "max_output_length": most,
        }  # fmt: skip
        call: Command = [self.bin / "python", "-m", "joeynmt", "translate"]
        return [*call, write_config(output.parent, config)]

    def _corpus(self) -> Options:
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

    def _optimization(self, plan: Plan) -> Options:
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

    def _network(self) -> Options:
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


PEERS: dict[str, Callable[[Path, Path], Toolkit]] = {
    "opennmt": OpenNMT,
    "fairseq": Fairseq,
    "joeynmt": JoeyNMT,
    "marian": Marian,
}


def write_config(folder: Path, config: Options) -> Path:
    """JSON, which is YAML."""
    path = folder / "config.json"
    text = json.dumps(config, indent=2, ensure_ascii=False, default=str)
    path.write_text(text, encoding="utf-8")
    return path


def best_step(folder: Path) -> int:
    """The saved step of the least validation perplexity, else the last one."""
    steps = sorted(int(path.stem.rpartition("_")[2]) for path in folder.glob("model_step_*.pt"))
    values = re.findall(r"[Vv]alidation perplexity: ([\d.]+)", read_log(folder))
    perplexities = [float(value) for value in values]
    if len(perplexities) != len(steps):
        return steps[-1]
    return steps[perplexities.index(min(perplexities))]
