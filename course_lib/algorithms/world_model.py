"""Learning by dreaming: an actor is trained by backpropagation through a learned world model.

The model learns from replayed sequences, a critic of latent states from the dreams."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from course_lib.algorithms.optimising import clip_gradients
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.critics import SquashedGaussianPolicy
from course_lib.dreaming import DreamingPolicy, dream_start
from course_lib.environments import BatchedEnvironment, make_vector
from course_lib.exploring import Explorer
from course_lib.networks import mlp
from course_lib.policies import Critic
from course_lib.reference import (
    critic_loss,
    dream_policy_loss,
    gaussian_nll,
    imagine,
    lambda_return,
    latent_kl,
    update_target,
)
from course_lib.sequence_replay import SequenceReplay
from course_lib.world_models import WorldModel


@dataclass(frozen=True)
class WorldModelConfig:
    """Settings of `world_model`; the defaults learn Pendulum-v1.

    Attributes:
        num_envs: N, environments stepped together.
        num_steps: steps of each environment before the networks learn again.
        random_steps: environment steps with random actions, before anything is learned.
        capacity: how many transitions the replay buffer keeps.
        first_model_updates: minibatches that the model learns from before the first dream.
        model_updates: minibatches that it learns from in each round.
        sequence_length: L, steps of a replayed sequence.
        model_batch_size: sequences in a minibatch.
        latent_size: Z, numbers that stand for a state.
        free_nats: divergence of encoder and transition that costs nothing.
        actor_updates: batches of dreams in each round.
        dreams: B, dreams in a batch, from replayed states.
        horizon: H, steps of a dream.
        learning_rate: Adam's step size for all networks.
        gamma: γ, the discount.
        gae_lambda: λ of the dreams' returns.
        entropy_coef: what a nat of the policy's entropy is worth.
        target_rate: share of the way that the target critic follows after each batch of dreams.
        max_grad_norm: longer gradients of the actor are scaled to this length.
        reward_scale: factor of the rewards in learning, so that values are near 1.
        hidden: widths of the hidden layers of all networks.
    """

    num_envs: int = 4
    num_steps: int = 8
    random_steps: int = 200
    capacity: int = 100_000
    first_model_updates: int = 200
    model_updates: int = 64
    sequence_length: int = 4
    model_batch_size: int = 64
    latent_size: int = 4
    free_nats: float = 0.5
    actor_updates: int = 32
    dreams: int = 64
    horizon: int = 12
    learning_rate: float = 3e-3
    gamma: float = 0.95
    gae_lambda: float = 0.95
    entropy_coef: float = 0.01
    target_rate: float = 0.05
    max_grad_norm: float = 1.0
    reward_scale: float = 0.1
    hidden: tuple[int, ...] = (64, 64)


def world_model(
    environment_id: str,
    config: WorldModelConfig,
    seed: int,
    likelihood: Callable[[Tensor, Tensor, Tensor], Tensor] = gaussian_nll,
    divergence: Callable[..., Tensor] = latent_kl,
    dream: Callable[..., tuple[Tensor, Tensor, Tensor]] = imagine,
    returns: Callable[..., Tensor] = lambda_return,
    loss: Callable[[Tensor, Tensor, float], Tensor] = dream_policy_loss,
    value_loss: Callable[[Tensor, Tensor], Tensor] = critic_loss,
    follow: Callable[..., None] = update_target,
) -> Iterator[Progress]:
    """Train for ever, yielding after each round of updates; the caller decides when to stop.

    Dreams do not end: the environment must not terminate, as Pendulum-v1 does not.

    Args:
        environment_id: a name known to `make_vector`, with continuous actions.
        config: the settings.
        seed: of the environments, the networks, the actions, the dreams and the minibatches.
        likelihood, divergence, dream, returns, loss, value_loss, follow: the functions of lessons
            11 and 07, by default the reference: `gaussian_nll`, `latent_kl`, `imagine`,
            `lambda_return`, `dream_policy_loss`, `critic_loss` and `update_target`.

    Raises:
        ValueError: a loss is not finite, an episode terminated, or the environment is unknown or
            has discrete actions.

    Source: Hafner et al. (2020), arXiv:1912.01603, algorithm 1; lecture 004, "World models".
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.num_envs, seed)
    model, actor, critic = make_dreamer(environment, config, generator)
    target_critic = copy.deepcopy(critic).requires_grad_(False)
    policy = DreamingPolicy(model, actor)
    model_optimizer, optimizer, critic_optimizer = (
        torch.optim.Adam(network.parameters(), config.learning_rate, fused=True)
        for network in (model, actor, critic)
    )
    explorer = make_explorer(environment, config, seed)
    explorer.warm_up(config.random_steps, generator)
    model_updates, update = config.first_model_updates + config.model_updates, 0
    while True:
        update += 1
        # 1. Learn what the world does, from replayed sequences.
        for _ in range(model_updates):
            batch = explorer.buffer.sample_sequences(
                config.model_batch_size, config.sequence_length
            )
            model.widen_bounds(batch.reward)
            model_loss, terms = model.loss(
                batch, config.free_nats, generator, likelihood, divergence
            )
            require_finite(update, model_loss, **terms)
            model_optimizer.zero_grad()
            model_loss.backward()
            model_optimizer.step()
        model_updates = config.model_updates

        model.requires_grad_(False)
        for _ in range(config.actor_updates):
            # 2. Dream on from states that were visited, with the actor's own actions.
            visited = explorer.buffer.sample(config.dreams).obs
            start, noise = dream_start(model, visited, config.horizon, generator)
            latent, _, reward = dream(
                model.transition, model.reward_model, lambda z: actor.act(z, generator)[0],
                start, config.horizon, noise,
            )  # fmt: skip

            # 3. Climb the dreams' returns: their slope goes through the whole dream.
            target = returns(reward, target_critic(latent[1:]), config.gamma, config.gae_lambda)
            dreamed = latent[:-1].detach()
            entropy = -actor.act(dreamed, generator)[1]
            actor_loss = loss(target, entropy, config.entropy_coef)
            require_finite(update, actor_loss, latent=latent, target=target, entropy=entropy)
            optimizer.zero_grad()
            actor_loss.backward()
            clip_gradients(config.max_grad_norm, actor.parameters())
            optimizer.step()

            # 4. Teach the critic what the dreams were worth.
            critic_optimizer.zero_grad()
            value_loss(critic(dreamed), target.detach()).backward()
            critic_optimizer.step()
            follow(target_critic, critic, config.target_rate)
        model.requires_grad_(True)

        # 5. Report, then act for a while with what was learned.
        metrics = {name: term.item() for name, term in terms.items()} | {
            "dreamed_return": target.mean().item() / config.reward_scale,
            "entropy": entropy.mean().item(),
        }
        yield Progress(explorer.env_steps, explorer.take_finished_returns(), policy, metrics)
        for _ in range(config.num_steps):
            explorer.step(lambda obs: policy.sample(obs, generator))


def make_dreamer(
    environment: BatchedEnvironment, config: WorldModelConfig, generator: torch.Generator
) -> tuple[WorldModel, SquashedGaussianPolicy, Critic]:
    """A world model, and an actor and a critic of its latent states."""
    size, hidden = config.latent_size, config.hidden
    model = WorldModel(environment, size, hidden, generator)
    bounds = environment.action_low, environment.action_high
    actor = SquashedGaussianPolicy(size, environment.action_size, *bounds, hidden, generator)
    critic = Critic(size, hidden, generator)
    # The dream's slope goes through the critic too: SiLU is smooth, and much faster than tanh.
    critic.value = mlp([size, *hidden, 1], generator, activation=nn.SiLU)
    return model, actor, critic


def make_explorer(environment: BatchedEnvironment, config: WorldModelConfig, seed: int) -> Explorer:
    """Steps the environments, and remembers in which order things happened."""
    replay = partial(SequenceReplay, num_envs=config.num_envs)
    return Explorer(environment, config.capacity, seed, config.reward_scale, replay=replay)
