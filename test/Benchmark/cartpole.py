#!/usr/bin/env python3
"""A policy that grows while it acts: CartPole of gymnasium (a pip package, for this script only).

An actor and a critic learn from the same steps of eight poles (advantages by Schulman et al.,
arXiv 1506.02438): the critic by squared errors, and the actor by the cross-entropy of its
actions, each weighted by its advantage. The actor is a perceptron of one hidden layer that
begins small and gets units between updates, as `Learner.edit` drops them in, without being
compiled again; it is compared with fixed actors of its smallest and of its final size, paired by
seed, each with the learning rate that did best on three seeds of its own. Prints the mean return
of the last episodes and the steps of an episode over the whole run, with bootstrap intervals of
95 %.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Benchmark import paired  # noqa: E402
from Benchmark.learning import build  # noqa: E402

POLES, STEPS = 8, 64
DISCOUNT, TRACE = 0.99, 0.95
LATEST = 50  # episodes that the last return is a mean of
CRITIC, CRITIC_STEPS = 32, 5
Way = tuple[int, int]  # the hidden units of the actor, and how many there may be
RATES = (0.003, 0.01, 0.03)


def advantages(
    rewards: np.ndarray, ends: np.ndarray, values: np.ndarray, after: np.ndarray
) -> np.ndarray:
    """Of steps (the first axis) of poles, with the value of where they led."""
    result = np.zeros_like(rewards)
    trace = np.zeros_like(after)
    for step in reversed(range(len(rewards))):
        following = values[step + 1] if step + 1 < len(values) else after
        alive = 1 - ends[step]
        error = rewards[step] + DISCOUNT * alive * following - values[step]
        trace = error + DISCOUNT * TRACE * alive * trace
        result[step] = trace
    return result


def play(
    npl: Any, gymnasium: Any, folder: Path, way: Way, rate: float, updates: int, seed: int
) -> tuple[np.ndarray, list[float]]:
    """The returns of all episodes in their order, and the milliseconds of edits."""
    hidden, grown = way
    learners = []
    for name, widths in (("actor", (4, hidden, 2)), ("critic", (4, CRITIC, 1))):
        onnx.save(build(widths, seed), folder / f"{name}.onnx")
        options = {"optimizer": "adam", "lr": rate if name == "actor" else 0.003}
        options |= {"loss": "soft-cross-entropy" if name == "actor" else "mse"}
        if name == "actor" and grown > hidden:
            options["growable"] = "dense0"
        learners.append(npl.Learner(folder / f"{name}.onnx", **options))
    actor, critic = learners
    random = np.random.default_rng(seed)
    poles = gymnasium.make_vec("CartPole-v1", num_envs=POLES, vectorization_mode="sync")
    state, _ = poles.reset(seed=seed)
    running, returns, edits = np.zeros(POLES), [], []
    skip = np.zeros(POLES, dtype=bool)  # a pole that starts anew does so by a step of its own
    for update in range(updates):
        if grown > hidden and update and update % 20 == 0 and update // 20 * 4 <= grown - hidden:
            start = time.perf_counter()
            actor.edit("dropin", at="dense0", units=4, seed=update)
            edits.append(1000 * (time.perf_counter() - start))
        seen: dict[str, list[np.ndarray]] = {"x": [], "action": [], "reward": [], "end": []}
        kept = []
        for _ in range(STEPS):
            x = state.astype(np.float32)
            logits = actor.act(x=x)["y"]
            odds = 1 / (1 + np.exp(np.clip(logits[:, 0] - logits[:, 1], -30, 30)))
            action = (random.random(POLES) < odds).astype(np.int64)
            state, reward, ended, cut, _ = poles.step(action)
            done = ended | cut
            running += np.where(skip, 0, reward)
            for pole in np.flatnonzero(done):
                returns.append(running[pole])
                running[pole] = 0
            kept.append(~skip)
            skip = done
            for key, value in zip(seen, (x, action, reward, done), strict=True):
                seen[key].append(value)
        x = np.concatenate(seen["x"])
        values = critic.act(x=x)["y"].reshape(STEPS, POLES)
        after = critic.act(x=state.astype(np.float32))["y"][:, 0]
        ends = np.array(seen["end"], dtype=np.float64)
        # So that a value is at most one.
        rewards = (1 - DISCOUNT) * np.array(seen["reward"])
        advantage = advantages(rewards, ends, values, after)
        target = (advantage + values).reshape(-1, 1).astype(np.float32)
        acted = np.array(kept)
        weight = (advantage - advantage[acted].mean()) / (advantage[acted].std() + 1e-8)
        weight = np.where(acted, weight, 0).ravel()
        labels = np.eye(2)[np.concatenate(seen["action"])] * weight[:, None]
        actor.learn(x=x, labels=labels.astype(np.float32))
        for _ in range(CRITIC_STEPS):
            critic.learn(x=x, labels=target)
    return np.array(returns), edits


def main() -> int:
    parser = paired.make_parser(__doc__)
    parser.add_argument("--updates", type=int, default=300)
    parser.add_argument("--small", type=int, default=4)
    parser.add_argument("--large", type=int, default=32)
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.build.resolve() / "python"))
    import gymnasium
    import neuroplast as npl

    small, large = arguments.small, arguments.large
    ways = {f"{small} units": (small, small), f"{large} units": (large, large)}
    ways[f"{small}, growing to {large}"] = (small, large)
    last: dict[str, list[float]] = {name: [] for name in ways}
    whole: dict[str, list[float]] = {name: [] for name in ways}
    edits: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        chosen = {}
        for name, way in ways.items():
            reached = [
                np.mean([
                    play(npl, gymnasium, Path(folder), way, rate, arguments.updates, seed)[0].mean()
                    for seed in (97, 98, 99)
                ])
                for rate in RATES
            ]  # fmt: skip
            chosen[name] = RATES[int(np.argmax(reached))]
            print(f"{name}: learning rate {chosen[name]}", flush=True)
        for seed in range(arguments.seeds):
            for name, way in ways.items():
                returns, spent = play(
                    npl, gymnasium, Path(folder), way, chosen[name], arguments.updates, seed
                )
                last[name].append(float(returns[-LATEST:].mean()))
                whole[name].append(arguments.updates * STEPS * POLES / max(len(returns), 1))
                edits += spent
            print(seed, {name: round(values[-1]) for name, values in last.items()}, flush=True)
    print(f"\n| actor | return of the last {LATEST} episodes | steps an episode, of all |")
    print("|---|---|---|")
    for name in ways:
        cells = [name]
        for values in (last[name], whole[name]):
            low, high = paired.interval(np.array(values))
            cells.append(f"{np.mean(values):.0f} ({low:.0f}, {high:.0f})")
        print(f"| {' | '.join(cells)} |")
    *fixed, growing = ways
    for name in fixed:
        differences = np.array(last[growing]) - np.array(last[name])
        low, high = paired.interval(differences)
        print(f"\n{growing}, over {name}: {differences.mean():+.0f} ({low:+.0f}, {high:+.0f})")
    print(f"\nan edit takes {np.median(edits):.1f} ms in the median of {len(edits)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
