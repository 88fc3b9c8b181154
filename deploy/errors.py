"""What can go wrong while running a stack. Each message tells a person what to do next; none needs a traceback.

DeployError
├── PostgresError    no Postgres of our own can be had or started
├── BuildError       the local control plane's programs could not be built
├── AssetsError      what the page sends to browsers could not be built
├── ClusterError     the local cluster (or k3s) does not start
├── KubeconfigError  a given kubeconfig cannot be used
└── StateError       the state folder is in use, or holds nothing
"""


class DeployError(Exception):
    """The stack cannot do what was asked."""


class PostgresError(DeployError):
    """No Postgres of our own can be had or started."""


class BuildError(DeployError):
    """The programs of the local control plane could not be built."""


class AssetsError(DeployError):
    """What the page sends to browsers could not be built."""


class ClusterError(DeployError):
    """The local cluster does not start."""


class KubeconfigError(DeployError):
    """A given kubeconfig cannot be used."""


class StateError(DeployError):
    """The state folder is in use, or not as the command needs it."""
