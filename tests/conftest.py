import gc

from hypothesis import settings

pytest_plugins = ("tests.support.needs", "tests.support.contract", "tests.support.order")

settings.register_profile("huiyin", deadline=None)  # no test asserts wall time: a busy machine is no fault of the code
settings.load_profile("huiyin")

gc.set_threshold(100_000, 20, 20)  # with the defaults collections take a seventh of the time of the tests over HTTP
