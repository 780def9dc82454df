"""The chat: `python app.py` opens the page. Composition root, nothing else."""

import argparse
import os
import sys

from agent import home
from agent.spending import add_limits, limits
from evidence.errors import MaieuticError
from target.spec import DEFAULT_TARGET, parse
from tools._web import port_number


def main() -> None:
    """Read the options and serve the page."""
    parser = argparse.ArgumentParser(description="Maieutic: ask what goes on inside a language model.")
    parser.add_argument("--target", default=DEFAULT_TARGET, help="the model under study (default: %(default)s)")
    parser.add_argument(
        "--agent",
        default="guide",
        help="who answers: 'guide', 'PROVIDER:MODEL' such as 'openai:gpt-5', 'openai-compatible:URL#MODEL', or 'hf:PATH' (default: %(default)s)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on (default: %(default)s)")
    parser.add_argument("--port", type=port_number, default=7860, help="port to serve on (default: %(default)s)")
    add_limits(parser)
    options = parser.parse_args()
    home.be_quiet()
    try:
        parse(options.target)
        from agent.conversation import Agent

        agent = Agent(options.agent, budget=limits(options))
        agent.check()
        from ui.server import private_temp_folder, serve

        os.environ.setdefault("GRADIO_TEMP_DIR", str(private_temp_folder()))
        serve(agent, options.target, options.host, options.port)
    except MaieuticError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
