"""Tests of course_lib.transformer: no look into the future, memory, and torch's own attention."""

import pytest
import torch
from torch import nn

from course_lib.transformer import Attention, Transformer

VOCABULARY, CONTEXT = 7, 9


def model(seed=0, **settings):
    generator = torch.Generator().manual_seed(seed)
    return Transformer(VOCABULARY, CONTEXT, width=16, generator=generator, **settings)


def some_tokens(rows=4, length=CONTEXT, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(VOCABULARY, (rows, length), generator=generator)


def test_there_are_logits_of_every_token_at_every_position():
    assert model()(some_tokens(4, 6)).shape == (4, 6, VOCABULARY)


@pytest.mark.parametrize("place", range(CONTEXT))
def test_a_token_changes_its_own_and_later_logits_and_no_earlier_ones(place):
    transformer, tokens = model(), some_tokens()
    changed = tokens.clone()
    changed[:, place] = (tokens[:, place] + 1) % VOCABULARY
    with torch.no_grad():
        difference = (transformer(changed) - transformer(tokens)).abs().amax((0, 2))
    assert (difference[:place] == 0).all()
    assert (difference[place:] > 1e-4).all()


@pytest.mark.parametrize("cuts", [[1] * CONTEXT, [4, 1, 1, 3], [CONTEXT]])
def test_reading_on_from_memory_gives_what_reading_it_all_at_once_gives(cuts):
    transformer, tokens = model().double(), some_tokens()
    past, logits = None, []
    with torch.no_grad():
        for part in tokens.split(cuts, dim=1):
            some, past = transformer.read(part, past)
            logits.append(some)
        torch.testing.assert_close(torch.cat(logits, 1), transformer(tokens))


def test_without_memory_the_same_token_is_read_differently():
    transformer, tokens = model(), some_tokens()
    with torch.no_grad():
        alone = transformer(tokens[:, -1:])[:, 0]
        assert (alone - transformer(tokens)[:, -1]).abs().max() > 0.1


def test_attention_agrees_with_torchs_own():
    attention = Attention(16, 4, torch.Generator().manual_seed(0)).double()
    peer = nn.MultiheadAttention(16, 4, batch_first=True).double()
    with torch.no_grad():
        attention.query_key_value.bias.normal_(generator=torch.Generator().manual_seed(1))
        peer.in_proj_weight.copy_(attention.query_key_value.weight)
        peer.in_proj_bias.copy_(attention.query_key_value.bias)
        peer.out_proj.weight.copy_(attention.output.weight)
        peer.out_proj.bias.copy_(attention.output.bias)
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(3, 6, 16, generator=generator, dtype=torch.float64)
    later = torch.ones(6, 6, dtype=torch.bool).triu(1)
    got, _ = attention(x, None)
    torch.testing.assert_close(got, peer(x, x, x, attn_mask=later)[0])
    # A planted bug: everybody may look at everything.
    assert (got - peer(x, x, x)[0]).abs().max() > 0.01


def test_positions_are_told_apart():
    same = torch.zeros(1, CONTEXT, dtype=torch.int64)
    with torch.no_grad():
        logits = model()(same)[0]
    assert torch.cdist(logits, logits).fill_diagonal_(1).min() > 1e-3


def test_every_parameter_receives_a_gradient():
    transformer = model()
    transformer(some_tokens()).log_softmax(-1)[..., 0].sum().backward()
    assert all(one.grad.abs().max() > 0 for one in transformer.parameters())


def test_a_seed_gives_the_same_weights_and_leaves_the_global_random_numbers_alone():
    before = torch.get_rng_state()
    first, again, other = (
        nn.utils.parameters_to_vector(model(seed).parameters()) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="context holds 9 tokens, got 10"):
        model()(some_tokens(length=10))
    transformer = model()
    _, past = transformer.read(some_tokens(length=6))
    with pytest.raises(ValueError, match="context holds 9 tokens, got 10"):
        transformer.read(some_tokens(length=4), past)
    with pytest.raises(ValueError, match="multiple of 3 heads, got 16"):
        model(heads=3)
