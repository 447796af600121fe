"""Fixtures of optimizers: ten steps of torch.optim on given gradients, and gradient clipping.

Needs torch (any CPU build), numpy, safetensors.
"""

import torch

from fixture_file import encode, normal

COUNT, STEPS = 37, 10

CASES = {
    "sgd": (torch.optim.SGD, dict(lr=0.1)),
    "sgd-momentum": (torch.optim.SGD, dict(lr=0.1, momentum=0.9)),
    "sgd-weight-decay": (torch.optim.SGD, dict(lr=0.1, weight_decay=0.05)),
    "sgd-momentum-weight-decay": (torch.optim.SGD, dict(lr=0.1, momentum=0.9, weight_decay=0.05)),
    "adam": (torch.optim.Adam, dict(lr=0.001)),
    "adam-weight-decay": (torch.optim.Adam, dict(lr=0.01, weight_decay=0.1)),
    "adam-custom": (torch.optim.Adam, dict(lr=0.02, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.05)),
    "adamw": (torch.optim.AdamW, dict(lr=0.001)),
    "adamw-no-decay": (torch.optim.AdamW, dict(lr=0.001, weight_decay=0)),
    "adamw-custom": (torch.optim.AdamW, dict(lr=0.02, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
}


def gradients(name):
    """Of very different sizes; one column is always zero, another is as small as Adam's epsilon."""
    values = normal((name, "gradients"), STEPS, COUNT)
    values *= 10 ** normal((name, "sizes"), COUNT)
    values[:, 3] = 0
    values[:, 5] *= 1e-8
    return values


def optimizers():
    for name, (kind, options) in CASES.items():
        initial, grads = normal((name, "initial"), COUNT), gradients(name)
        parameter = torch.nn.Parameter(torch.tensor(initial))
        optimizer, values = kind([parameter], **options), []
        for gradient in grads:
            parameter.grad = torch.tensor(gradient)
            optimizer.step()
            values.append(parameter.detach().clone())
        group, metadata = optimizer.param_groups[0], {"optimizer": kind.__name__.lower()}
        metadata |= {"learning_rate": group["lr"], "weight_decay": group["weight_decay"]}
        if kind is torch.optim.SGD:
            metadata["momentum"] = group["momentum"]
        else:
            metadata |= {"beta1": group["betas"][0], "beta2": group["betas"][1], "epsilon": group["eps"]}
        tensors = {"initial": initial, "gradients": grads, "values": torch.stack(values).numpy()}
        yield f"optimizer-{name}.safetensors", encode(tensors, **metadata)


def clipping():
    """`max_norm` below the norm of all gradients together, and above it (nothing changes)."""
    for name, max_norm in [("clip", 1.5), ("clip-inactive", 100.0)]:
        shapes = {"a": (37,), "b": (5, 7), "c": (1,)}
        before = {key: normal((name, key), *shape) for key, shape in shapes.items()}
        parameters = []
        for value in before.values():
            parameters.append(torch.nn.Parameter(torch.zeros(value.shape)))
            parameters[-1].grad = torch.tensor(value)
        norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
        tensors = {f"before.{key}": value for key, value in before.items()}
        tensors |= {f"after.{key}": p.grad.numpy() for key, p in zip(before, parameters)}
        tensors["norm"] = norm.reshape(1).numpy()
        yield f"optimizer-{name}.safetensors", encode(tensors, max_norm=max_norm)


def fixtures():
    """Pairs of file name and bytes."""
    yield from optimizers()
    yield from clipping()
