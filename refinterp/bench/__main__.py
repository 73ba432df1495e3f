"""The process that `bench.process` measures in."""

from refinterp.bench.process import serve

if __name__ == "__main__":
    serve()
