"""The help of ``seqtext fit``. It is written by hand: short, and printed without loading PyTorch.

A test compares it with the signatures of the classes.
"""

from __future__ import annotations

import contextlib
import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seqtext import assets, tasks
from seqtext.cli.recipe_files import find_recipe
from seqtext.cli.words import pair_options

_HEAD = """\
usage: seqtext fit [--recipe TASK/NAME] [--config FILE] [--KEY VALUE]…
       python recipes/TASK/train.py fit …          the same, with TASK's defaults preset

Train a model. A --KEY overrides what a FILE says. The run writes all its options to config.yaml.
These are the options of {model}. Those of {other}: seqtext fit --model seqtext.{other_class} --help

  --recipe TASK/NAME                a recipe that comes with seqtext; seqtext recipes lists them
  --config FILE                     YAML file; recipes/… are also found in the installed package
  --run DIR                         a new folder for the run (default: runs/TASK/001, 002, …);
                                    after torchrun, write --run_folder
  --resume DIR|CKPT|auto            resume a run; auto: the newest unfinished one, else a new one
  --trust PACKAGE                   let FILE, the config.yaml of a resumed run, or a checkpoint name classes
                                    of this package or module; otherwise they name known classes only
  --seed_everything N               seed of model and data, unless they have their own
  --print_config                    print the configuration and stop
"""
_OF_PAIRS = """\
data
  --data.train PATH                 a table (csv, tsv, jsonl, json, parquet, xlsx), a TMX file, the PREFIX of
  --data.validation PATH            PREFIX.en and PREFIX.de, a hub name, or builtin:SPLIT:COUNT[:SEED]
                                    validation: or split:COUNT holds out that many training pairs
                                    folds:N trains a model for each of N parts of them, fold:1/N the first
  --data.format F                   csv, tsv, json:KEY, xlsx:SHEET, …, where ending and content do not say it
  --data.source NAME                column, suffix or language of the source text (default: source)
                                    or several: '[lemma, features]', '[title, body: text]'
  --data.target NAME                the same for the target text (default: target)
  --data.compare PATH               a corpus scored before and after, with --model.init_from
  --data.batch_tokens N             pieces in one update, over all devices
  --data.batch_size N               sentence pairs in one update, instead of batch_tokens
  --data.max_source_length N        longer training pairs are left out (also max_target_length)
  --data.truncate_sources B         read the beginning of longer sources instead
  --data.streaming B                read the files anew in every epoch, for a corpus larger than the disk
  --data.hallucinated_pairs N       further training pairs with made-up stems, for few inflected forms
  --data.copied_targets N           targets that are also their own source, for few pairs
  --data.tokenizer.vocab_size N     also model_type, joint, source_model, target_model, …

model
  --model.network.cell C            rnn_tanh, rnn_relu, lstm, gru, min_gru, min_lstm, sru, ssru;
                                    mypackage.MyCell; or transformer, as a baseline
  --model.network.hidden_size N     also embedding_size, encoder_layers, decoder_layers
  --model.network.attention A       dot, general, additive or multi_head
  --model.network.input_feeding B   true or false
  --model.network.copying B         copy from the source (pointer-generator)
  --model.network.coverage B        attention sees its own past; also --model.coverage_loss X
  --model.network.window N          read long sources in windows of N pieces
  --model.network.dropout P         also word_dropout
  --model.optimizer.learning_rate X also name, schedule, warmup_steps, weight_decay, …
  --model.label_smoothing X
  --model.init_from CKPT            start from another model's network, weights and tokenizers
  --model.freeze PARTS              keep embeddings, encoder, attention, decoder or output as they are
  --model.task T                    {tasks}:
                                    what scores the outputs
  --model.bleu_tokenize T           of val_bleu: 13a, char (languages without spaces), none, …
  --model.search.beam_size N        how test and generate decode with this model; also length_penalty, …
"""
_OF_LABELS = """\
data
  --data.train PATH                 a table (csv, tsv, jsonl, json, parquet, xlsx), lines with __label__, a
                                    folder of texts for each label, or a hub name
  --data.validation PATH            likewise; or split:COUNT holds out that many training rows
                                    folds:N trains a model for each of N parts of them, fold:1/N the first
  --data.format F                   csv, fasttext, json:KEY, …, where ending and content do not say it
  --data.text NAME                  column of the text (default: text), or several: '[premise, hypothesis]'
  --data.label NAME                 column of the label (default: label)
  --data.several_labels B           a text can have several labels, or none
  --data.label_separator S          between several labels in one field of a table
  --data.out_of_scope LABEL         label of the texts that belong to no label
  --data.batch_size N               texts in one update (default: 64)
  --data.batch_tokens N             pieces in one update, over all devices, instead of batch_size
  --data.max_length N               pieces of a text that are read
  --data.tokenizer.vocab_size N     also model_type, source_model, …

model
  --model.network.cell C            rnn_tanh, rnn_relu, lstm, gru, min_gru, min_lstm, sru, ssru;
                                    mypackage.MyCell; or transformer, as a baseline
  --model.network.pooling P         max, mean, attention or last
  --model.network.hidden_size N     also embedding_size, encoder_layers
  --model.network.window N          read long texts in windows of N pieces
  --model.network.dropout P         also word_dropout
  --model.optimizer.learning_rate X also name, schedule, warmup_steps, weight_decay, …
  --model.label_smoothing X
  --model.class_weights W           none, balanced, or a weight for each label by name
  --model.vectors FILE              word vectors that the embeddings start with
"""
_RUN = """\
run
  --selection.monitor M             which checkpoint is best (default: by the task's own score):
                                    {monitors}
  --selection.average_best N        average the N best checkpoints at the end
  --selection.patience N            stop after N validations without a better result
  --trainer.max_epochs N            also max_steps, max_time (default: until validation stops improving)
  --trainer.precision P             32-true, bf16-mixed, or auto: the faster one on this machine
  --trainer.devices N               also accelerator, strategy (ddp), num_nodes
  --trainer.accumulate_grad_batches N   batches per update, if an update needs too much memory
  --trainer.logger L                csv, tensorboard, wandb or mlflow, into the folder of the run
  --trainer.val_check_interval X    validate every X epochs (0.5) or X batches (500, an epoch at most)
"""
_END = """\
All options with their defaults: --data.help, --model.help, --selection.help, --trainer.help.
"""
_CLASSES = re.compile(r"\b(EncoderDecoderModule|ClassifierModule)\b")
_MOST_READ = 1_000_000  # characters of a configuration


def help_for(words: Sequence[str], preset: Mapping[str, Any]) -> str:
    """The help for the class of model that the command line names.

    Args:
        words: The command line after ``fit``.
        preset: Defaults, by section.
    """
    labels = _model_class(words, preset) == "ClassifierModule"
    scored = [tasks.CLASSIFICATION] if labels else [*tasks.TEXT_TASKS.values()]
    keys = dict.fromkeys([*(key for task in scored for key in task.keys), tasks.LOSS.key])
    monitors = textwrap.fill(", ".join(keys), 66).replace("\n", "\n" + " " * 36)
    of_class = _OF_LABELS if labels else _OF_PAIRS.format(tasks=", ".join(tasks.TEXT_TASKS))
    kinds = [("a translator", "EncoderDecoderModule"), ("a classifier", "ClassifierModule")]
    (model, _), (other, other_class) = reversed(kinds) if labels else kinds
    head = _HEAD.format(model=model, other=other, other_class=other_class)
    return "\n".join([head, of_class, _RUN.format(monitors=monitors), _END])


def _model_class(words: Sequence[str], preset: Mapping[str, Any]) -> str:
    """The name of the last class of model that is named. A user's own class does not count."""
    texts = ["EncoderDecoderModule", preset["model"]["class_path"]]
    texts += [*_texts(words, "--recipe"), *_texts(words, "--config")]
    options = [*pair_options(words)]
    if any(name in ("--data.text", "--data.label") for name, _ in options):
        texts.append("ClassifierModule")
    texts += [value for name, value in options if name == "--model"]
    return [match[1] for text in texts for match in _CLASSES.finditer(text)][-1]


def _texts(words: Sequence[str], option: str) -> Iterator[str]:
    """The texts of the recipes or configurations that a command line names."""
    for name, value in pair_options(words):
        if name == option == "--recipe":
            yield find_recipe(value, f"{option} {value}").text
        elif name == option and value.startswith("{"):
            yield value
        elif name == option:
            path = assets.find(os.path.expanduser(value))
            # help is shown without the file, too
            with contextlib.suppress(OSError, ValueError), path.open(encoding="utf-8") as file:
                yield file.read(_MOST_READ)
