"""`python -m qstash_rq.cli`: the command line where its script is not on the path."""

from qstash_rq.cli import main

if __name__ == "__main__":
    main(prog_name="qstash-rq")
