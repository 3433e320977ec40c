"""Has nbval run notebooks in forked kernels where the platform can; elsewhere in ordinary ones, with equal results."""

import os


def pytest_configure(config):
    """Name the forked kernel, unless another is asked for, and begin importing what kernels need."""
    if not getattr(config.option, "nbval", False):
        return
    from bond_eval.workbook import kernels

    if kernels.forks():
        kernels.register()
        # The kernelspec of bond_eval/workbook/jupyter; --nbval-current-env of pyproject.toml would go before it.
        if config.option.nbval_kernel_name is None:
            config.option.nbval_current_env, config.option.nbval_kernel_name = False, kernels.NAME
        if not hasattr(config, "workerinput"):
            # One for all of pytest's workers, which begin with this environment.
            os.environ[kernels.NURSERY] = kernels.server(kernels.KERNELS).address
