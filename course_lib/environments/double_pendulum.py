"""A cart that balances two poles, one on top of the other, batched in NumPy; the single one that
can be drawn lives in drawing.py."""

import numpy as np

from course_lib.environments.vector import BatchedEnvironment

GRAVITY = 9.8
CART_MASS = 1.0
POLE_MASSES = (0.1, 0.1)  # the lower, the upper
LENGTH = 1.0  # of each pole, in metres
FORCE = 10.0
SECONDS_PER_STEP = 0.05
MAX_POSITION = 2.4
LOWEST_TIP = 1.0
LARGEST_START = 0.1
LARGEST_WIDE_START = 0.2
MAX_STEPS = 500


def double_pendulum_rate(
    state: np.ndarray, force: np.ndarray, pole_masses: tuple[float, float] = POLE_MASSES
) -> np.ndarray:
    """How fast the state changes: (N, 6) of (N, 6), (N,).

    The poles are thin uniform rods of length L, their angles θ₁ and θ₂ both from upright. With
    M the sum of all masses m₀ + m₁ + m₂, h₁ = (m₁/2 + m₂) L and h₂ = m₂ L/2 the Lagrangian is

        T = M ẋ²/2 + (m₁/3 + m₂) L² θ̇₁²/2 + (m₂/3) L² θ̇₂²/2
            + h₁ ẋ θ̇₁ cos θ₁ + h₂ ẋ θ̇₂ cos θ₂ + h₂ L θ̇₁ θ̇₂ cos(θ₁ − θ₂)
        V = g h₁ cos θ₁ + g h₂ cos θ₂

    and d/dt ∂(T − V)/∂q̇ − ∂(T − V)/∂q = (force, 0, 0) three equations for the accelerations:

        M ẍ + h₁ cos θ₁ θ̈₁ + h₂ cos θ₂ θ̈₂ = force + h₁ sin θ₁ θ̇₁² + h₂ sin θ₂ θ̇₂²
        h₁ cos θ₁ ẍ + (m₁/3 + m₂) L² θ̈₁ + h₂ L cos(θ₁ − θ₂) θ̈₂
            = g h₁ sin θ₁ − h₂ L sin(θ₁ − θ₂) θ̇₂²
        cos θ₂ ẍ + L cos(θ₁ − θ₂) θ̈₁ + (2/3) L θ̈₂ = g sin θ₂ + L sin(θ₁ − θ₂) θ̇₁²

    The third is divided by h₂, so that an upper pole without mass is allowed: the lower one then
    moves as CartPole's. The first gives ẍ, which leaves two equations.

    Args:
        state: (N, 6) float64: cart position in metres, angles θ₁ of the lower and θ₂ of the upper
            pole in radians, positive to the right, and the velocities of the three.
        force: (N,) on the cart, in newtons; there is no friction.
        pole_masses: m₁ > 0 and m₂ ≥ 0 in kilograms; the cart has 1.
    """
    _, angle1, angle2, velocity, speed1, speed2 = state.T
    lower, upper = pole_masses
    total = CART_MASS + lower + upper
    h1, h2 = (lower / 2 + upper) * LENGTH, upper * LENGTH / 2
    cosine1, cosine2, between = np.cos(angle1), np.cos(angle2), np.cos(angle1 - angle2)
    sine1, sine2, sine_between = np.sin(angle1), np.sin(angle2), np.sin(angle1 - angle2)
    square1, square2 = np.square(speed1), np.square(speed2)

    # The cart if the angles did not accelerate, and what they take from that.
    push = (force + h1 * sine1 * square1 + h2 * sine2 * square2) / total
    share1, share2 = h1 * cosine1 / total, h2 * cosine2 / total
    # a θ̈₁ + b θ̈₂ = e and c θ̈₁ + d θ̈₂ = f
    a = (lower / 3 + upper) * LENGTH**2 - h1 * cosine1 * share1
    b = h2 * LENGTH * between - h1 * cosine1 * share2
    c = LENGTH * between - cosine2 * share1
    d = 2 / 3 * LENGTH - cosine2 * share2
    e = GRAVITY * h1 * sine1 - h2 * LENGTH * sine_between * square2 - h1 * cosine1 * push
    f = GRAVITY * sine2 + LENGTH * sine_between * square1 - cosine2 * push
    determinant = a * d - b * c
    acceleration1 = (e * d - b * f) / determinant
    acceleration2 = (a * f - e * c) / determinant
    acceleration = push - share1 * acceleration1 - share2 * acceleration2
    return np.array((velocity, speed1, speed2, acceleration, acceleration1, acceleration2)).T


def double_pendulum_dynamics(
    state: np.ndarray, force: np.ndarray, seconds: float = SECONDS_PER_STEP
) -> np.ndarray:
    """The state some time later, by one Runge-Kutta step of fourth order: (N, 6), (N,) → (N, 6)."""
    k1 = double_pendulum_rate(state, force)
    k2 = double_pendulum_rate(state + seconds / 2 * k1, force)
    k3 = double_pendulum_rate(state + seconds / 2 * k2, force)
    k4 = double_pendulum_rate(state + seconds * k3, force)
    return state + seconds / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def joints(state: np.ndarray) -> np.ndarray:
    """Where the cart's joint, the joint between the poles and the tip are: (N, 6) → (N, 3, 2).

    Metres to the right of the middle of the track, and metres above the cart.
    """
    points = np.zeros((len(state), 3, 2))
    points[:, :, 0] = state[:, :1]
    for pole in (1, 2):
        angle = state[:, pole]
        points[:, pole:] += LENGTH * np.array((np.sin(angle), np.cos(angle))).T[:, None]
    return points


class DoublePendulum(BatchedEnvironment):
    """Balance two poles of 1 m, one on top of the other, on a cart: 500 steps of 0.05 s.

    The action is the share of 10 N that pushes the cart, clipped to [−1, 1]. A step pays
    10 − 0.01 x² − (y − 2)² − 0.001 θ̇₁² − 0.005 θ̇₂² where (x, y) is the tip: 10 for being up, so
    that 5,000 is the most. The episode terminates when the tip is less than 1 m above the cart or
    the cart is 2.4 m from the middle. One sees x of the cart, sin θ₁, sin θ₂, cos θ₁, cos θ₂, ẋ,
    θ̇₁, θ̇₂; both angles are from upright.

    An episode starts with all six numbers of the state within ±0.1. From most such states, not
    from all, a linear rule balances; a random policy falls within a second and earns about 140.

    The reward is that of Duan et al. (2016) and of gymnasium's InvertedDoublePendulum. Theirs run
    in MuJoCo, with other bodies and forces: the returns are of one size, and no more comparable.
    """

    observation_size = 8
    action_size = 1
    max_steps = MAX_STEPS
    # Poles that are balanced lean little; and cosines of almost 1 say nothing.
    observation_scale = (1.0, 0.2, 0.2, 1.0, 1.0, 1.0, 1.0, 1.0)

    def first_state(self, count: int) -> np.ndarray:
        return self.random.uniform(-LARGEST_START, LARGEST_START, (count, 6))

    def dynamics(
        self, state: np.ndarray, action: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        push = np.clip(action[:, 0].astype(np.float64), self.action_low, self.action_high)
        state = double_pendulum_dynamics(state, FORCE * push)
        x, y = joints(state)[:, 2].T
        distance = 0.01 * np.square(x) + np.square(y - 2 * LENGTH)
        speed = 0.001 * np.square(state[:, 4]) + 0.005 * np.square(state[:, 5])
        reward = (10.0 - distance - speed).astype(np.float32)
        return state, reward, (y < LOWEST_TIP) | (np.abs(state[:, 0]) > MAX_POSITION)

    def observe(self, state: np.ndarray) -> np.ndarray:
        position, angle1, angle2, velocity, speed1, speed2 = state.T
        seen = (
            position, np.sin(angle1), np.sin(angle2), np.cos(angle1), np.cos(angle2),
            velocity, speed1, speed2,
        )  # fmt: skip
        return np.array(seen, dtype=np.float32).T.copy()


class WideDoublePendulum(DoublePendulum):
    """`DoublePendulum` that begins further from upright: everything within ±0.2, not ±0.1.

    From the nearer states a good linear rule comes close to the 5,000 that are possible, so that
    good agents cannot be told apart. From these the cart has to be quick, and its force and its
    track are often not enough: the best agents that we know hold two thirds of the episodes.
    """

    def first_state(self, count: int) -> np.ndarray:
        return self.random.uniform(-LARGEST_WIDE_START, LARGEST_WIDE_START, (count, 6))
