"""JupyterLab as `make lab` opens it: at the list of questions, with nothing fetched and no output stored.

`JUPYTER_CONFIG_PATH` names this folder; labconfig/ beside it has the settings of the pages.
"""

from pathlib import Path

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

c = get_config()  # noqa: F821 (Jupyter gives it)


def only_sources(model, path, **_):
    """Leave out the outputs of a notebook of the workbook, which may be internal, and who ran it, before it is kept."""
    if model["type"] != "notebook" or not path.strip("/").startswith("notebooks/"):
        return
    content = model["content"]
    content["metadata"]["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content["metadata"]["language_info"] = {"name": "python"}
    for cell in content["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None


class OnlySources(AsyncLargeFileManager):
    """Keeps files as JupyterLab does, but no output of the workbook's notebooks."""

    def __init__(self, **settings):
        """Begin with the hook in place."""
        super().__init__(**settings)
        self.register_pre_save_hook(only_sources)


c.ServerApp.contents_manager_class = OnlySources
c.ServerApp.root_dir = str(Path(__file__).resolve().parents[1])
c.Application.log_level = "WARN"
c.LabApp.default_url = "/lab/tree/notebooks/README.md"
# Nothing is asked of the network: neither news, nor newer versions, nor extensions.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
