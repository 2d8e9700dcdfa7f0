"""Optimiser steps of the papers' 115M draft in PyTorch on the CPU: tokens/s and peak memory. Called by bench/peers/train."""

import argparse
import resource
import statistics
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

parser = argparse.ArgumentParser()
parser.add_argument("--mode", choices=["eager", "compiled"], required=True)
parser.add_argument("--precision", choices=["F32", "BF16"], required=True, help="BF16: autocast, weights stay float32")
parser.add_argument("--sequences", type=int, default=4)
parser.add_argument("--time", type=int, default=512)
parser.add_argument("--steps", type=int, default=8)
arguments = parser.parse_args()

torch.manual_seed(3)
vocabulary = 32000
model = LlamaForCausalLM(LlamaConfig(
    vocab_size=vocabulary, hidden_size=1024, intermediate_size=2816, num_hidden_layers=4, num_attention_heads=8,
    max_position_embeddings=2048, tie_word_embeddings=False, attn_implementation="sdpa", use_cache=False))
matrices = [p for p in model.parameters() if p.dim() > 1]
others = [p for p in model.parameters() if p.dim() <= 1]
optimizer = torch.optim.AdamW(
    [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0}],
    lr=1e-4, betas=(0.9, 0.95), fused=True)
run = torch.compile(model) if arguments.mode == "compiled" else model
ids = torch.randint(0, vocabulary, (arguments.sequences, arguments.time))


def step():
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=arguments.precision == "BF16"):
        loss = run(input_ids=ids, labels=ids).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


seconds = []
for i in range(2 + arguments.steps):
    began = time.perf_counter()
    step()
    if i >= 2:
        seconds.append(time.perf_counter() - began)
rate = arguments.sequences * arguments.time / statistics.median(seconds)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(f"PyTorch {arguments.mode}, {arguments.precision}: {rate:.0f} tokens/s median of {arguments.steps} steps,"
      f" {peak:.2f} GB resident at most, torch {torch.__version__}, {torch.get_num_threads()} threads", flush=True)
