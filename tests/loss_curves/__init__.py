"""Five training scripts from one seed, under torchlike and under PyTorch: their losses lie on each other.

    python -m tests.loss_curves                 # 200 steps of each, a table
    python -m tests.loss_curves cnn --steps 50
    python -m tests.loss_curves --picture       # docs/loss_curves.png too
"""
