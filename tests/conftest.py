pytest_plugins = ("tests.support.needs",)
