"""Two logical CPU devices, so that every test can run on one replica or two."""

import gen_ai_examples  # noqa: F401  (first: it chooses the Keras backend)
import pytest
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(params=[1, 2], ids=["1-replica", "2-replicas"])
def replicas(request):
    """The strategy over one device, then over two."""
    from gen_ai_examples.common.strategy import strategy

    return strategy([f"CPU:{i}" for i in range(request.param)])


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Whatever a test writes relative to the current folder lands outside the work tree."""
    monkeypatch.chdir(tmp_path)
