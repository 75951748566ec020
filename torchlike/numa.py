"""torch.numa: binding processes to parts of a machine; see `torch.distributed.run`, which is not here."""
