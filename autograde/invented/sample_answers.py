"""What the invented students of the sample class write instead of the worked answers."""

SIGN_FLIPPED = """def reinforce_loss(log_prob, reward, gamma):
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype)
    episode_return = (discount.unsqueeze(1) * reward).sum(0)
    return (episode_return * log_prob.sum(0)).mean()
"""
ROW_AND_COLUMN = """def reinforce_loss(log_prob, reward, gamma):
    steps, episodes = reward.shape
    discount = gamma ** torch.arange(steps, dtype=reward.dtype).unsqueeze(1)
    weight = (discount * reward).reshape(-1, 1)
    return -(weight * log_prob.reshape(-1)).sum() / episodes
"""
RAISES = """def reinforce_loss(log_prob, reward, gamma):
    total = 0
    for t in range(len(reward) + 1):
        total = total + gamma**t * reward[t]
    return -(total * log_prob.sum(0)).mean()
"""
NEVER_ENDS = """def reinforce_loss(log_prob, reward, gamma):
    t, episode_return = 0, 0
    while t < len(reward):
        episode_return = episode_return + gamma**t * reward[t]
    return -(episode_return * log_prob.sum(0)).mean()
"""
NEVER_ENDS_WEIGHTED = """def cross_entropy_policy_gradient(logits, action, weight):
    total, row = 0, 0
    while row < len(action):
        total = total - weight[row].detach() * logits[row].log_softmax(-1)[action[row]]
    return total / len(action)
"""
WITH_LOOPS = """def reinforce_loss(log_prob, reward, gamma):
    total = 0
    for episode_log_prob, episode_reward in zip(log_prob.T, reward.T):
        episode_return = discounted(episode_reward, gamma)
        total = total + episode_return * episode_log_prob.sum()
    return -total / reward.shape[1]
"""
HELPER = '''def discounted(rewards, gamma):
    """The discounted sum of the rewards of one episode."""
    return sum(gamma**t * reward for t, reward in enumerate(rewards))
'''
LAMBDA_RETURN = """def generalized_advantage(
    reward, value, next_value, terminated, truncated, gamma, gae_lambda
):
    target = reward + gamma * next_value.masked_fill(terminated, 0)
    returns, later = [], target[-1]
    for t in reversed(range(len(reward))):
        blend = (1 - gae_lambda) * next_value[t] + gae_lambda * later
        ends = terminated[t] | truncated[t] | (t == len(reward) - 1)
        later = torch.where(ends, target[t], reward[t] + gamma * blend)
        returns.insert(0, later)
    return torch.stack(returns) - value
"""
IGNORES_TRUNCATED = """def generalized_advantage(
    reward, value, next_value, terminated, truncated, gamma, gae_lambda
):
    alive = 1 - terminated.to(reward.dtype)
    delta = reward + gamma * next_value * alive - value
    rows, last = [], torch.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        last = delta[t] + gamma * gae_lambda * alive[t] * last
        rows.insert(0, last)
    return torch.stack(rows)
"""
GRADIENT_LEAKS = """def a2c_loss(
    log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef
):
    policy_loss = -(advantage * log_prob).mean()
    value_loss = 0.5 * (value_target - value).square().mean()
    return policy_loss + value_coef * value_loss - entropy_coef * entropy.mean()
"""
LINEAR_RULE = """def capstone_agent(obs):
    x, sin1, sin2, _, _, velocity, speed1, speed2 = obs.T
    push = 9.95 * np.arcsin(sin1) - 10.15 * np.arcsin(sin2) + 0.71 * speed1 - 1.72 * speed2
    return (push - 0.02 * x - 0.07 * velocity)[:, None]
"""
HASTY_RULE = """def capstone_agent(obs):
    x, sin1, sin2, _, _, velocity, speed1, speed2 = obs.T
    push = 14.4 * np.arcsin(sin1) - 21.66 * np.arcsin(sin2) - 0.32 * speed1 - 4.13 * speed2
    return (push - 0.42 * x - 0.95 * velocity)[:, None]
"""
AT_RANDOM = """dice = np.random.default_rng(0)


def capstone_agent(obs):
    return dice.uniform(-1, 1, (len(obs), 1))
"""
LOST_AXIS = """def capstone_agent(obs):
    return 10 * obs[:, 1] - 10 * obs[:, 2]
"""
WRITTEN = (
    "A lost game has return 0, so its score is multiplied by nothing: only the few games that were "
    "won move the policy, and the estimate is noisy because there are so few of them. With "
    "$b < 1$ taken off each return, both kinds of game say something."
)
