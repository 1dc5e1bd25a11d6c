"""A small model of the world: an encoder q(z|s), a transition p(z'|z, a), a reward model p(r|z').

What dreams are used for lives in course_lib.dreaming and course_lib.algorithms.world_model."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from course_lib.agents import require_continuous
from course_lib.environments import BatchedEnvironment
from course_lib.networks import mlp
from course_lib.reference import gaussian_nll, latent_kl
from course_lib.replay import TransitionBatch

LOG_STD_RANGE = (-5.0, 1.0)
FIRST_LOG_STD = -2.0


class GaussianNetwork(nn.Module):
    """A network that answers with a Gaussian: (…, inputs) → mean and log σ, each (…, outputs)."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: Sequence[int],
        generator: torch.Generator | None,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.net = mlp([inputs, *hidden, 2 * outputs], generator, gain, activation=nn.SiLU)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std = self.net(inputs).chunk(2, dim=-1)
        return mean, (FIRST_LOG_STD + log_std).clamp(*LOG_STD_RANGE)


class WorldModel(nn.Module):
    """What an environment does, in a latent space of Z numbers.

    Observations and actions are divided by their typical sizes on the way in.

    Args:
        environment: says what observations and actions look like.
        latent_size: Z.
        hidden: widths of the hidden layers of all networks.
        generator: the source of the initial weights.

    Raises:
        ValueError: the environment has discrete actions.
    """

    def __init__(
        self,
        environment: BatchedEnvironment,
        latent_size: int,
        hidden: Sequence[int] = (64, 64),
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_continuous(environment)
        size, actions = environment.observation_size, environment.action_size
        scale = torch.tensor(environment.observation_scale or (1.0,) * size)
        self.register_buffer("observation_scale", scale)
        self.action_scale = (environment.action_high - environment.action_low) / 2
        self.encoder = GaussianNetwork(size, latent_size, hidden, generator)
        self.change = GaussianNetwork(latent_size + actions, latent_size, hidden, generator, 0.1)
        self.decoder = mlp([latent_size, *hidden, size], generator, activation=nn.SiLU)
        self.reward = mlp([latent_size, *hidden, 1], generator, activation=nn.SiLU)
        self.decoder_log_std = nn.Parameter(torch.full((size,), -1.0))
        self.reward_log_std = nn.Parameter(torch.full((1,), -1.0))
        # Nothing has been paid yet, so nothing is believed: `widen_bounds` lets rewards in.
        self.register_buffer("reward_bounds", torch.tensor([torch.inf, -torch.inf]))

    def encode(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """q(z|s): (…, S) → mean and log σ, each (…, Z)."""
        return self.encoder(obs / self.observation_scale)

    def transition(self, latent: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """p(z'|z, a): (…, Z), (…, D) → mean and log σ, each (…, Z); learned is what changes."""
        change, log_std = self.change(torch.cat((latent, action / self.action_scale), -1))
        return latent + change, log_std

    def reward_model(self, latent: Tensor) -> Tensor:
        """The mean of p(r|z'), the reward for getting there: (…, Z) → (…,).

        It stays between the smallest and the largest reward that was ever paid: else a policy
        learns to dream of places where nobody has been, and of riches there.
        """
        return self.reward(latent).squeeze(-1).clamp(*self.reward_bounds)

    def widen_bounds(self, reward: Tensor) -> None:
        """Believe in rewards such as these, of any shape, from now on."""
        low, high = self.reward_bounds
        self.reward_bounds = torch.stack((low.minimum(reward.min()), high.maximum(reward.max())))

    def decode(self, latent: Tensor) -> Tensor:
        """The mean of p(s|z), to look at: (…, Z) → (…, S)."""
        return self.decoder(latent) * self.observation_scale

    def loss(
        self,
        batch: TransitionBatch,
        free_nats: float,
        generator: torch.Generator,
        likelihood: Callable[[Tensor, Tensor, Tensor], Tensor] = gaussian_nll,
        divergence: Callable[..., Tensor] = latent_kl,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """How badly the model explains sequences: the negative evidence bound, per step.

            −E_q[ log p(s|z) + log p(r|z') ] + max(KL(q(z'|s')‖p(z'|z, a)), free nats)

        Only the first state of a sequence is looked at; from there on the model dreams along the
        actions that were taken, and every state and reward has to agree with the dream.

        Args:
            batch: (L, B, …) sequences; `next_obs[t]` is `obs[t + 1]`.
            free_nats: divergence that costs nothing, in nats for all latent dimensions together.
            generator: of the latent noise.
            likelihood, divergence: `gaussian_nll` and `latent_kl`, or a reader's own.

        Returns:
            () the loss, and its three terms by name: "observation_nll", "reward_nll" and "kl".

        Raises:
            ValueError: a step terminated an episode.

        Source: Hafner et al. (2019), arXiv:1811.04551, eqs. 3 and 6 (latent overshooting).
        """
        if batch.terminated.any():
            ended = int(batch.terminated.sum())
            raise ValueError(f"dreams do not end, but {ended} of the steps terminated an episode")
        obs = torch.cat((batch.obs, batch.next_obs[-1:]))
        mean, log_std = self.encode(obs)
        noise = torch.empty_like(mean, requires_grad=False).normal_(generator=generator)
        encoded = mean + log_std.exp() * noise
        prior_mean, prior_log_std = self.follow(encoded[0], batch.action, noise[1:])
        flat_obs = (obs / self.observation_scale).flatten(0, 1)
        observation_nll = likelihood(
            self.decoder(encoded.flatten(0, 1)), self.decoder_log_std, flat_obs
        )
        reward_nll = likelihood(
            self.reward(encoded[1:].flatten(0, 1)), self.reward_log_std, batch.reward.reshape(-1, 1)
        )
        kl = divergence(
            mean[1:].flatten(0, 1), log_std[1:].flatten(0, 1),
            prior_mean.flatten(0, 1), prior_log_std.flatten(0, 1), free_nats,
        )  # fmt: skip
        terms = {"observation_nll": observation_nll, "reward_nll": reward_nll, "kl": kl}
        return observation_nll + reward_nll + kl, terms

    def follow(self, latent: Tensor, action: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Dream along given actions.

        Args:
            latent: (B, Z) where the dream starts.
            action: (L, B, D).
            noise: (L, B, Z) draws of a standard Gaussian, or zeros for the mean's own path.

        Returns:
            means and log σ of p(z'|z, a), each (L, B, Z).
        """
        means, log_stds = [], []
        for step_action, step_noise in zip(action, noise, strict=True):
            mean, log_std = self.transition(latent, step_action)
            latent = mean + log_std.exp() * step_noise
            means.append(mean)
            log_stds.append(log_std)
        return torch.stack(means), torch.stack(log_stds)
