"""A language task as an environment: an episode is an answer, an action is its next token."""

import numpy as np
import torch

from course_lib.environments.vector import BatchedEnvironment
from course_lib.language_tasks import END, TASKS

EMPTY = -1.0


class SortDigits(BatchedEnvironment):
    """Write down the four digits of the prompt in order and end with a full stop: reward 1 if all
    of it is right, once the answer has ended.

    What one sees is the prompt and what has been written, as the numbers of the tokens; −1 stands
    where nothing is yet.
    """

    task = TASKS["SortDigits-v0"]
    observation_size = task.context
    num_actions = len(task.vocabulary)
    max_steps = task.answer_length + 1  # never reached: a full answer is an ended one

    def first_state(self, count: int) -> np.ndarray:
        generator = torch.Generator().manual_seed(int(self.random.integers(2**62)))
        state = np.full((count, self.observation_size), EMPTY, dtype=np.float32)
        state[:, : self.task.prompt_length] = self.task.prompts(count, generator).numpy()
        return state

    def dynamics(
        self, state: np.ndarray, action: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        row, place = np.arange(len(state)), (state != EMPTY).sum(1)
        state = state.copy()
        state[row, place] = action
        terminated = (action == END) | (place + 1 == self.observation_size)
        tokens = torch.from_numpy(state).long()
        prompt, answer = tokens.tensor_split([self.task.prompt_length], dim=1)
        reward = self.task.rewards["right"](prompt, answer).numpy()
        return state, np.where(terminated, reward, 0).astype(np.float32), terminated

    def observe(self, state: np.ndarray) -> np.ndarray:
        return state.copy()
