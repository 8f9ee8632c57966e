"""Renders templates with Jinja2, set up by transformers as for chat templates.

Needs: pip install jinja2 transformers. What write makes is a JSON file:
{"vars": {…}, "sets": [{"name", "template", "cases": [{"name", "vars", "output" or "error", "raised"}]}]}
where the vars of a case add to those of the file.
"""
import datetime
import functools
import json

import jinja2
from jinja2.sandbox import SandboxedEnvironment
from transformers.utils import chat_template_utils

NOW = datetime.datetime(2026, 3, 4, 15, 6, 7)  # the same in golden_test.go


class Raised(jinja2.exceptions.TemplateError):
    pass


def raise_exception(message):
    raise Raised(message)


@functools.lru_cache(maxsize=1)
def compiled(template):
    t = chat_template_utils._compile_jinja_template.__wrapped__(template)
    # Templates may change lists and dicts here, which transformers refuses.
    env = t.environment
    env.is_safe_attribute = lambda *a: SandboxedEnvironment.is_safe_attribute(env, *a)
    t.globals["raise_exception"] = raise_exception
    t.globals["strftime_now"] = NOW.strftime
    return t


def render(template, variables):
    try:
        return {"output": compiled(template).render(**json.loads(json.dumps(variables)))}
    except Raised as e:
        return {"error": "Raised", "raised": str(e.message)}
    except Exception as e:  # whatever Python makes of a bad template
        return {"error": f"{type(e).__name__}: {e}"[:200]}


def fill(sets, variables={}):
    for s in sets:
        for c in s["cases"]:
            c.update(render(s["template"], {**variables, **c.get("vars", {})}))


def write(path, sets, variables={}):
    with open(path, "w") as f:
        json.dump({"vars": variables, "sets": sets}, f, indent=0, ensure_ascii=False)
        f.write("\n")
