"""Checks of our own: a 5xx is a failure unless accepted.toml has a reason for it."""
import os
import tomllib

import schemathesis

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "accepted.toml"), "rb") as file:
    ACCEPTED = tomllib.load(file)["accepted"]
assert all(answer["message"] and answer["why"] for answer in ACCEPTED)


@schemathesis.check
def server_errors_are_those_of_the_jvm(ctx, response, case):
    if response.status_code < 500:
        return
    message = response.json().get("message") or ""
    known = any(message.startswith(answer["message"]) for answer in ACCEPTED)
    assert known, f"{response.status_code} {message!r} is not in accepted.toml"
