"""Greedy continuations by Outrider, transformers and llama.cpp of the same model; see README.md beside this."""

import argparse
import re
import subprocess

# llama.cpp's own default keeps keys and values in float16.
EXACT = ["--cache-type-k", "f32", "--cache-type-v", "f32", "--flash-attn", "off", "-c", "512"]

PROMPTS = [
    "The capital of France is",
    "Once upon a time there was a little girl who",
    "To bake bread you need flour, water and",
    "def fibonacci(n):",
    "In 1492 the ships of Columbus",
    "Water boils at 100 degrees, while ice",
]


def outrider(options, model, draft=None):
    """The texts, and what is said behind each: tokens, passes, block efficiency."""
    command = [options.outrider, "chat", "--target", model, "--raw", "--max-tokens", str(options.tokens)]
    if draft:
        command += ["--draft", draft, "--gamma", str(options.gamma)]
    done = subprocess.run(command, input="\n".join(PROMPTS) + "\n\n", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    plain = re.sub("\x1b\\[[0-9;]*m", "", done.stdout)
    texts = re.findall(r"> (.*?)\n\[(\d+) tokens, (\d+) passes, [^\]]*\]\n", plain, flags=re.S)
    assert len(texts) == len(PROMPTS), plain
    return texts


class Transformers:
    def __init__(self, directory):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.torch = torch
        self.tokenizer = AutoTokenizer.from_pretrained(directory)
        self.model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)

    def text(self, prompt, tokens):
        ids = self.tokenizer(prompt, return_tensors="pt").input_ids
        mask = self.torch.ones_like(ids)
        out = self.model.generate(ids, attention_mask=mask, do_sample=False, max_new_tokens=tokens)
        return self.tokenizer.decode(out[0, ids.shape[1]:], skip_special_tokens=True)

    def margin(self, prompt, a, b):
        """By how much the logits at the first token where two continuations part prefer the one of a."""
        ids = [self.tokenizer(prompt + text).input_ids for text in (a, b)]
        at = next((i for i, (x, y) in enumerate(zip(*ids)) if x != y), None)
        if at is None:
            return float("nan")
        with self.torch.no_grad():
            logits = self.model(self.torch.tensor([ids[0][:at]])).logits[0, -1]
        return (logits[ids[0][at]] - logits[ids[1][at]]).item()


def llama(options, prompt):
    command = [options.llama + "/llama-completion", "-m", options.gguf, "-p", prompt, "-n", str(options.tokens)]
    command += ["--temp", "0", "-no-cnv", "--no-warmup", "--no-display-prompt"] + EXACT
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return done.stdout.rstrip().removesuffix("[end of text]")


def speculative(options, prompt):
    """Tokens, drafted and accepted by llama.cpp's own example."""
    command = [options.llama + "/llama-speculative-simple", "-m", options.gguf, "-p", prompt, "-n", str(options.tokens)]
    command += ["--spec-type", "draft-simple", "--spec-draft-model", options.draft, "--temp", "0"] + EXACT
    command += ["--spec-draft-n-max", str(options.gamma), "--spec-draft-n-min", "0", "--spec-draft-p-min", "0"]
    command += ["--spec-draft-type-k", "f32", "--spec-draft-type-v", "f32"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    text = done.stdout + done.stderr
    return [int(re.search(name + r"\s*=\s*(\d+)", text).group(1)) for name in ("n_predict", "n_drafted", "n_accept")]


def compare(options):
    ours, mapped = outrider(options, options.gguf), outrider(options, options.directory)
    peer = Transformers(options.directory)
    differ = 0
    for prompt, own, directory in zip(PROMPTS, ours, mapped):
        own = own[0].strip()
        print(f"\n{prompt!r}\n  outrider, GGUF       {own!r}")
        theirs = {"transformers": peer.text(prompt, options.tokens), "llama.cpp": llama(options, prompt)}
        for name, text in ({"outrider, directory": directory[0]} | theirs).items():
            same = own == text.strip()
            differ += not same
            margin = "" if same else f"OTHER, where logits differ by {peer.margin(prompt, ' ' + own, ' ' + text.strip()):.4f}"
            print(f"  {name:<20} {'same' if same else margin + ': ' + repr(text)}")
    print(f"\n{differ} of {3 * len(PROMPTS)} continuations differ from Outrider's from the GGUF")


def drafts(options):
    ours = outrider(options, options.gguf, options.draft)
    # The token of the pass over the prompt is left out, as in every report.
    tau = sum(int(t) - 1 for _, t, _ in ours) / sum(int(p) - 1 for _, _, p in ours)
    theirs = [speculative(options, prompt) for prompt in PROMPTS]
    # It drafts from the prompt's last token on, so its first pass counts; each gives one token that was not drafted.
    tokens, accepted = sum(t[0] for t in theirs), sum(t[2] for t in theirs)
    print(f"\ngamma {options.gamma}: tau {tau:.3f} by Outrider, {tokens / (tokens - accepted):.3f} by llama.cpp", end="")
    print(f" ({tokens} tokens, {accepted} of {sum(t[1] for t in theirs)} drafted accepted)")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("outrider", "llama", "directory", "gguf"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--draft")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--gamma", type=int, default=4)
    options = parser.parse_args()
    compare(options)
    if options.draft:
        drafts(options)


main()
