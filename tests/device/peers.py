#!/usr/bin/env python3
"""PyTorch on this GPU, eager and compiled: what our own figures stand beside. A JSON line each, as soon as it is there; a case that fails says why and the next one runs.

OPT-1.3B's shape with random weights, written plainly: a cache of fixed size, so that the compiled decode step is one CUDA graph; attention by scaled_dot_product_attention.
--smallest runs tiny sizes, on the CPU where there is no GPU: a test of this file.
"""
import json, math, statistics, sys, time
import torch
import torch.nn.functional as F

smallest = "--smallest" in sys.argv
device = "cuda" if torch.cuda.is_available() else "cpu"
dtype = torch.bfloat16
SHAPE = dict(hidden=64, layers=2, heads=2, inner=128, vocabulary=100) if smallest else dict(hidden=2048, layers=24, heads=32, inner=8192, vocabulary=50272)
BATCH, PROMPT, NEW, REPETITIONS = (2, 4, 4, 1) if smallest else (8, 256, 128, 5)
name = "smallest" if smallest else "opt-1.3b"


def wait():
    if device == "cuda":
        torch.cuda.synchronize()


def timed(run, repetitions=REPETITIONS, warm=2):
    for _ in range(warm):
        run()
    seconds = []
    for _ in range(repetitions):
        wait()
        start = time.perf_counter()
        run()
        wait()
        seconds.append(time.perf_counter() - start)
    return seconds


def show(**line):
    print(json.dumps(line, separators=(",", ":")), flush=True)


def result(what, engine, seconds, tokens, prompt, new, **more):
    median = statistics.median(seconds)
    show(what=what, engine=engine, shape=name, dtype="bfloat16", batch=BATCH, prompt=prompt, new=new, seconds_median=round(median, 5), seconds=[round(s, 5) for s in seconds],
         tokens_per_s=round(tokens / median, 1), **more)


def attention(q, k, v, mask=None, causal=False):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
    if causal:  # before PyTorch 2; of the smallest size only
        mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril()
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    return torch.softmax(scores.masked_fill(~mask, -math.inf), -1) @ v


class Block(torch.nn.Module):
    def __init__(self, s):
        super().__init__()
        self.heads = s["heads"]
        self.first, self.second = torch.nn.LayerNorm(s["hidden"]), torch.nn.LayerNorm(s["hidden"])
        self.qkv, self.out = torch.nn.Linear(s["hidden"], 3 * s["hidden"]), torch.nn.Linear(s["hidden"], s["hidden"])
        self.up, self.down = torch.nn.Linear(s["hidden"], s["inner"]), torch.nn.Linear(s["inner"], s["hidden"])

    def forward(self, x, cache=None, position=None, mask=None):
        b, t, h = x.shape
        q, k, v = self.qkv(self.first(x)).view(b, t, 3, self.heads, h // self.heads).permute(2, 0, 3, 1, 4)
        if cache is not None:
            cache[0].index_copy_(2, position, k)
            cache[1].index_copy_(2, position, v)
        if mask is not None:
            y = attention(q, cache[0], cache[1], mask)
        else:
            y = attention(q, k, v, causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, h))
        return x + self.down(F.relu(self.up(self.second(x))))


class Model(torch.nn.Module):
    def __init__(self, s, positions):
        super().__init__()
        self.tokens, self.positions = torch.nn.Embedding(s["vocabulary"], s["hidden"]), torch.nn.Embedding(positions, s["hidden"])
        self.blocks = torch.nn.ModuleList(Block(s) for _ in range(s["layers"]))
        self.norm = torch.nn.LayerNorm(s["hidden"])
        for p in self.parameters():
            if p.dim() > 1:
                torch.nn.init.normal_(p, std=0.02)

    def forward(self, ids, caches=None, position=None, mask=None):
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1], device=ids.device) if position is None else position)
        for i, block in enumerate(self.blocks):
            x = block(x, None if caches is None else caches[i], position, mask)
        return self.norm(x)

    def logits(self, x):
        return F.linear(x, self.tokens.weight)


def prompts(length):
    return torch.randint(0, SHAPE["vocabulary"], (BATCH, length), device=device)


def draw(logits):
    return torch.multinomial(torch.softmax(logits.float(), -1), 1)


@torch.no_grad()
def generation(compiled):
    total, head = PROMPT + NEW, SHAPE["hidden"] // SHAPE["heads"]
    model = Model(SHAPE, total).to(device, dtype).eval()
    caches = [[torch.zeros(BATCH, SHAPE["heads"], total, head, device=device, dtype=dtype) for _ in range(2)] for _ in model.blocks]
    places = torch.arange(total, device=device)

    def step(ids, position):
        return draw(model.logits(model(ids, caches, position, (places <= position).view(1, 1, 1, total))[:, -1]))

    if compiled:
        for cache in caches:  # written in place: a graph takes tensors that it changes only at fixed addresses
            torch._dynamo.mark_static_address(cache[0])
            torch._dynamo.mark_static_address(cache[1])
        step = torch.compile(step, mode="reduce-overhead")
    ids, position = prompts(PROMPT), torch.zeros(1, dtype=torch.long, device=device)

    def prefill():
        return draw(model.logits(model(ids, caches, places[:PROMPT])[:, -1]))

    def run():
        token = prefill()
        answer = [token]
        for i in range(PROMPT, total - 1):
            token = step(token, position.fill_(i)).clone()
            answer.append(token)
        return torch.cat(answer, 1).cpu()

    seconds = timed(run)
    before = statistics.median(timed(prefill, warm=1))
    decode = statistics.median(seconds) - before
    result("generate", "torch " + ("compiled" if compiled else "eager"), seconds, BATCH * NEW, PROMPT, NEW,
           parts=dict(prefill=round(before, 5), decode=round(decode, 5)), decode_tokens_per_s=round(BATCH * (NEW - 1) / decode, 1))


# float32 masters and moments, products in bf16 by autocast; clip; fused AdamW.
def training(compiled):
    length = PROMPT + NEW
    model = Model(SHAPE, length).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, **({"fused": True} if device == "cuda" else {}))
    ids = prompts(length)

    def loss():
        with torch.autocast(device, dtype):
            x = model(ids)[:, :-1]
            return F.cross_entropy(model.logits(x).float().flatten(0, 1), ids[:, 1:].flatten())

    if compiled:
        loss = torch.compile(loss)

    def run():
        loss().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    result("train", "torch " + ("compiled" if compiled else "eager"), timed(run), BATCH * length, length, None)


# Four operations for every visible pair and element of a head; backward two and a half times that.
def flash(batch, length, heads=16, head=128):
    if smallest:
        batch, length, heads, head = 1, 8, 2, 8
    q, k, v = (torch.randn(batch, heads, length, head, device=device, dtype=dtype if device == "cuda" else torch.float32, requires_grad=True) for _ in range(3))
    operations = 4 * batch * heads * head * length * (length + 1) / 2

    def forward():
        return attention(q, k, v, causal=True)

    def both():
        forward().sum().backward()

    one, two = statistics.median(timed(forward)), statistics.median(timed(both))
    show(what="attention", engine="torch sdpa", sequences=batch, length=length, heads=heads, head_size=head, forward_seconds=round(one, 6), forward_tflops=round(operations / one / 1e12, 2),
         forward_backward_seconds=round(two, 6), forward_backward_tflops=round(3.5 * operations / two / 1e12, 2))


def memory():
    count = 1 << (16 if smallest else 30)
    source, target = torch.ones(count, dtype=torch.uint8, device=device), torch.empty(count, dtype=torch.uint8, device=device)
    seconds = statistics.median(timed(lambda: target.copy_(source)))
    show(what="copy", engine="torch", bytes=2 * count, gbytes_per_s=round(2 * count / seconds / 1e9, 1))


def products():
    n = 64 if smallest else 8192
    a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
    seconds = statistics.median(timed(lambda: a @ b))
    show(what="product", engine="torch", size=n, dtype="bfloat16", tflops=round(2 * n ** 3 / seconds / 1e12, 2))


def transformers_generation():
    from transformers import OPTConfig, OPTForCausalLM
    s = SHAPE
    config = OPTConfig(hidden_size=s["hidden"], num_hidden_layers=s["layers"], num_attention_heads=s["heads"], ffn_dim=s["inner"], vocab_size=s["vocabulary"], word_embed_proj_dim=s["hidden"],
                       max_position_embeddings=2048, pad_token_id=1, bos_token_id=2, eos_token_id=None)
    model = OPTForCausalLM(config).to(device, dtype).eval()
    ids = prompts(PROMPT).clamp_(min=5)
    run = lambda: model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW, min_new_tokens=NEW, do_sample=True, top_k=0)
    result("generate", "transformers", timed(run, 3, 1), BATCH * NEW, PROMPT, NEW)


def main():
    failed = 0
    cases = [("copy", memory), ("product", products), ("attention 4096", lambda: flash(4, 4096)), ("attention 16384", lambda: flash(1, 16384)),
             ("generate eager", lambda: generation(False)), ("train eager", lambda: training(False))]
    if hasattr(torch, "compile") and device == "cuda":
        cases += [("generate compiled", lambda: generation(True)), ("train compiled", lambda: training(True))]
    else:
        print("no torch.compile on a GPU here: eager alone")
    if not smallest:
        cases.append(("transformers", transformers_generation))
    for case, run in cases:
        try:
            run()
        except Exception as e:  # the next one may still run
            failed += 1
            show(case=case, error=" ".join(f"{type(e).__name__}: {e}".split())[:300])
        if device == "cuda":
            torch.cuda.empty_cache()
    print(f"{len(cases) - failed} measured, {failed} not")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
