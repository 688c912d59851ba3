"""Names of options and commands in other toolkits, and ours. A message tells ours: nothing is guessed.

The toolkits are fairseq, Hugging Face Transformers, JoeyNMT, Marian, OpenNMT-py and Sockeye. A name has small
letters and underscores. Where one name has several meanings, ours stand with spaces between them.
"""

from __future__ import annotations

from collections.abc import Mapping

Names = Mapping[str, str]

COMMANDS: Names = {
    "decode": "generate", "eval": "test", "evaluate": "test", "infer": "generate",
    "inference": "generate", "interactive": "generate", "perplexity": "score", "predict": "generate",
    "rescore": "rerank", "spm_train": "tokenizer", "train": "fit", "translate": "generate",
    "validate": "test",
}  # fmt: skip
_MODEL: Names = dict.fromkeys(
    ("checkpoint", "ckpt", "model", "model_path", "models", "path"), "CKPT"
)
_MACHINE: Names = {
    "amp": "precision", "batch": "batch_size", "bf16": "precision", "bsz": "batch_size",
    "cuda": "device", "fp16": "precision", "gpu": "device", "gpu_id": "device",
    "max_sentences": "batch_size", "mini_batch": "batch_size",
}  # fmt: skip
_PROCESSES: Names = dict.fromkeys(
    (
        "cpu_threads", "jobs", "n_jobs", "num_gpus", "num_processes", "num_workers", "processes", "threads",
        "workers",
    ),
    "devices",
)  # fmt: skip
_SEARCH: Names = {
    "diverse_beam_groups": "beam_groups", "diverse_beam_strength": "diversity_penalty",
    "do_sample": "samples", "num_beam_groups": "beam_groups", "output_sampling": "samples top_k",
    "random_sampling_temp": "temperature", "random_sampling_topk": "top_k",
    "random_sampling_topp": "top_p", "sample": "samples", "sampling": "samples",
    "sampling_topk": "top_k", "sampling_topp": "top_p", "topk": "top_k", "topp": "top_p",
    "alpha": "length_penalty", "beam": "beam_size", "beam_alpha": "length_penalty",
    "beam_width": "beam_size", "lenpen": "length_penalty", "max_len": "max_length",
    "max_len_a": "max_length_ratio", "max_len_b": "max_length", "max_new_tokens": "max_length",
    "max_output_length": "max_length", "max_tokens": "max_length batch_size",
    "min_len": "min_length", "min_new_tokens": "min_length",
    "num_beams": "beam_size",
}  # fmt: skip
_CONSTRAINTS: Names = {
    "avoid": "banned", "avoid_list": "banned", "bad_words": "banned", "bad_words_ids": "banned",
    "forced_bos_token_id": "prefix", "glossary": "terminology", "prefix_allowed_tokens_fn": "outputs",
    "restrict_lexicon": "shortlist", "suppress_sequences": "banned",
}  # fmt: skip
_CONSTRAINTS_OF_SOURCE: Names = {
    "constraints": "required", "force_decode": "prefixes", "force_words": "required",
    "force_words_ids": "required", "prefix_size": "prefixes", "target_prefix": "prefixes",
    "tgt_prefix": "prefixes",
}  # fmt: skip
_HYPOTHESES: Names = {
    "nbest": "n_best", "nbest_size": "n_best", "num_return_sequences": "n_best samples",
}  # fmt: skip
_BEHIND_OUTPUTS: Names = {
    "align_dict": "dictionary", "alignment": "alignments", "output_attentions": "attention",
    "output_scores": "details", "phrase_table": "dictionary", "print_alignment": "alignments",
    "replace_unk": "replace_unknown",
    "report_align": "alignments", "return_alignment": "alignments", "word_scores": "details",
}  # fmt: skip
_INPUT: Names = dict.fromkeys(("file", "input_file", "source_file", "src"), "input")
_OUTPUT: Names = dict.fromkeys(("out", "output_file", "tgt", "trg"), "output")
_SIDES: Names = {
    "source_lang": "data.source", "src": "data.source", "src_lang": "data.source",
    "target_lang": "data.target", "tgt": "data.target", "tgt_lang": "data.target",
    "trg": "data.target",
}  # fmt: skip
_TRAINING_SET: Names = dict.fromkeys(
    ("corpus", "train_data", "train_file", "trainpref"), "data.train"
)
_VALIDATION_SET: Names = dict.fromkeys(
    ("dev", "eval_data", "val", "valid", "validation_file", "validpref"), "data.validation"
)
_TEXTS: Names = {"label_column": "data.label", "text_column": "data.text"}
_FIT: Names = {
    "accum_grad": "trainer.accumulate_grad_batches", "amp": "trainer.precision",
    "arch": "model.network.cell", "bf16": "trainer.precision", "bpe": "data.tokenizer.model_type",
    "batch_size": "data.batch_size", "bsz": "data.batch_size", "cell_type": "model.network.cell",
    "class_weight": "model.class_weights", "clip_norm": "trainer.gradient_clip_val",
    "copy_attn": "model.network.copying", "coverage_attn": "model.network.coverage",
    "cuda": "trainer.accelerator", "d_model": "model.network.hidden_size",
    "dec_layers": "model.network.decoder_layers", "device": "trainer.accelerator",
    "early_stopping": "selection.patience", "early_stopping_patience": "selection.patience",
    "emb_dim": "model.network.embedding_size", "embed_dim": "model.network.embedding_size",
    "embedding_dim": "model.network.embedding_size", "enc_layers": "model.network.encoder_layers",
    "encoder_type": "model.network.cell", "epochs": "trainer.max_epochs",
    "eval_metric": "selection.monitor", "eval_steps": "trainer.val_check_interval",
    "finetune_from_model": "model.init_from", "fp16": "trainer.precision",
    "gpus": "trainer.devices", "grad_clip": "trainer.gradient_clip_val",
    "gradient_accumulation_steps": "trainer.accumulate_grad_batches",
    "hid_dim": "model.network.hidden_size", "hidden_dim": "model.network.hidden_size",
    "log_interval": "trainer.log_every_n_steps", "logging_steps": "trainer.log_every_n_steps",
    "lr": "model.optimizer.learning_rate", "lr_scheduler": "model.optimizer.schedule",
    "lr_scheduler_type": "model.optimizer.schedule",
    "max_epoch": "trainer.max_epochs", "max_grad_norm": "trainer.gradient_clip_val",
    "max_len": "data.max_source_length data.max_length",
    "max_length": "data.max_source_length data.max_length",
    "max_seq_length": "data.max_source_length data.max_length",
    "max_sentences": "data.batch_size", "max_tokens": "data.batch_tokens",
    "max_update": "trainer.max_steps", "metric_for_best_model": "selection.monitor",
    "n_layers": "model.network.encoder_layers model.network.decoder_layers",
    "num_gpus": "trainer.devices",
    "num_layers": "model.network.encoder_layers model.network.decoder_layers",
    "layers": "model.network.encoder_layers model.network.decoder_layers",
    "num_train_epochs": "trainer.max_epochs", "num_warmup_steps": "model.optimizer.warmup_steps",
    "optim": "model.optimizer.name", "optimizer": "model.optimizer.name", "output_dir": "run",
    "per_device_train_batch_size": "data.batch_size", "pretrained": "model.init_from",
    "restore_file": "resume", "resume_from_checkpoint": "resume",
    "rnn_size": "model.network.hidden_size", "rnn_type": "model.network.cell", "save_dir": "run",
    "save_model": "run", "scheduler": "model.optimizer.schedule", "seed": "seed_everything",
    "src_seq_length": "data.max_source_length", "tgt_seq_length": "data.max_target_length",
    "train_batch_size": "data.batch_size", "train_from": "resume", "train_steps": "trainer.max_steps",
    "update_freq": "trainer.accumulate_grad_batches", "valid_steps": "trainer.val_check_interval",
    "vocab": "data.tokenizer.vocab_size", "warmup": "model.optimizer.warmup_steps",
    "warmup_updates": "model.optimizer.warmup_steps", "wd": "model.optimizer.weight_decay",
    "word_vec_size": "model.network.embedding_size",
}  # fmt: skip
OPTIONS: Mapping[str, Names] = {  # of each command
    "check": {**_SIDES, **_TEXTS, **_TRAINING_SET, **_VALIDATION_SET, "out": "write", "output": "write"},
    "classify": {
        **_MODEL, **_MACHINE, **_PROCESSES, **_INPUT, **_OUTPUT, "k": "top_k", "topk": "top_k",
    },
    "explain": {
        **_MODEL, **_MACHINE, **_SEARCH, **_CONSTRAINTS, **_INPUT, "out": "html", "output": "html",
    },
    "export": {"output": "FOLDER", "quantize": "precision", "dtype": "precision"},
    "fit": {**_FIT, **_SIDES, **_TEXTS, **_TRAINING_SET, **_VALIDATION_SET},
    "generate": {
        **_MODEL, **_MACHINE, **_PROCESSES, **_SEARCH, **_CONSTRAINTS, **_CONSTRAINTS_OF_SOURCE,
        **_HYPOTHESES, **_INPUT, **_OUTPUT, **_BEHIND_OUTPUTS,
        "documents": "split_sentences", "sentence_split": "split_sentences",
        "ssplit_mode": "split_sentences",
    },
    "recipes": {},
    "rerank": {
        **_MODEL, **_MACHINE, **_PROCESSES, **_HYPOTHESES, **_OUTPUT, "lenpen": "length_penalty",
        "num_return_sequences": "n_best",
    },
    "score": {**_MODEL, **_MACHINE, **_PROCESSES, **_OUTPUT, "alignment": "alignments"},
    "serve": {
        **_MODEL, **_MACHINE, "address": "host", "bind": "host", "cpu_threads": "workers",
        "devices": "workers", "num_workers": "workers", "processes": "workers", "threads": "workers",
    },
    "shortlist": {
        **_MODEL, **_SIDES, **_TRAINING_SET, **_OUTPUT, "best_num": "pieces", "first": "frequent",
        "first_num": "frequent", "k": "pieces",
    },
    "test": {
        **_MODEL, **_MACHINE, **_PROCESSES, **_SEARCH, **_CONSTRAINTS, **_SIDES, **_TEXTS,
        "metric": "task", "metrics": "task", "out": "output", "test_file": "data.test",
        "testpref": "data.test",
    },
    "tokenizer": {
        **_SIDES, **_TRAINING_SET, "input": "data.train", "model_prefix": "output",
        "type": "model_type", "vocab": "vocab_size",
    },
}  # fmt: skip
