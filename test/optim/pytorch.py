"""Makes pytorch.json: what PyTorch's optimisers do to a small network in float64.

    python3 test/optim/pytorch.py > test/optim/pytorch.json
"""
import json

import torch

torch.set_default_dtype(torch.float64)

STEPS = 24
X = [[0.5, -1.0, 2.0], [1.5, 0.25, -0.75], [-0.5, 1.0, 1.0], [2.0, -2.0, 0.5]]
Y = [[1.0], [-0.5], [0.25], [2.0]]
INITIAL = {
    "W1": [[0.1, -0.2], [0.3, 0.4], [-0.5, 0.6]],
    "b1": [0.05, -0.05],
    "W2": [[0.7], [-0.8]],
}

CASES = [
    ("sgd", dict(learningRate=0.1)),
    ("sgd", dict(learningRate=0.1, weightDecay=0.05)),
    ("sgd", dict(learningRate=0.05, momentum=0.9)),
    ("sgd", dict(learningRate=0.05, momentum=0.9, weightDecay=0.05)),
    ("sgd", dict(learningRate=0.05, momentum=0.8, nesterov=True)),
    ("sgd", dict(learningRate=0.05, momentum=0.8, nesterov=True, weightDecay=0.1)),
    ("adam", dict(learningRate=0.01)),
    ("adam", dict(learningRate=0.05, beta1=0.8, beta2=0.95, epsilon=1e-3)),
    ("adam", dict(learningRate=0.02, weightDecay=0.1)),
    ("adamw", dict(learningRate=0.02)),
    ("adamw", dict(learningRate=0.05, beta1=0.7, beta2=0.9, epsilon=1e-4, weightDecay=0.3)),
]


def optimizer(name, options, parameters):
    common = dict(lr=options["learningRate"])
    if "weightDecay" in options:
        common["weight_decay"] = options["weightDecay"]
    if name == "sgd":
        return torch.optim.SGD(
            parameters,
            momentum=options.get("momentum", 0),
            nesterov=options.get("nesterov", False),
            **common,
        )
    make = torch.optim.Adam if name == "adam" else torch.optim.AdamW
    return make(
        parameters,
        betas=(options.get("beta1", 0.9), options.get("beta2", 0.999)),
        eps=options.get("epsilon", 1e-8),
        **common,
    )


def run(name, options):
    parameters = {key: torch.tensor(value, requires_grad=True) for key, value in INITIAL.items()}
    chosen = optimizer(name, options, list(parameters.values()))
    x, y = torch.tensor(X), torch.tensor(Y)
    losses = []
    for step in range(STEPS):
        if step == STEPS // 2:
            for group in chosen.param_groups:
                group["lr"] = options["learningRate"] / 4
        chosen.zero_grad()
        hidden = torch.tanh(x @ parameters["W1"] + parameters["b1"])
        loss = ((hidden @ parameters["W2"] - y) ** 2).mean()
        losses.append(loss.item())
        loss.backward()
        chosen.step()
    return {
        "optimizer": name,
        "options": options,
        "losses": losses,
        "final": {key: value.detach().tolist() for key, value in parameters.items()},
    }


print(
    json.dumps(
        {
            "torch": torch.__version__,
            "steps": STEPS,
            "x": X,
            "y": Y,
            "initial": INITIAL,
            "cases": [run(name, options) for name, options in CASES],
        },
        indent=1,
    )
)
