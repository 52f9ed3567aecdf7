pytest_plugins = ("tests.support.needs", "tests.support.contract")
