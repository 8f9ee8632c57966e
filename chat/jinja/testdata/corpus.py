"""Renders real chat templates with conversations of every kind, to compare with.

    python corpus.py OUT.json FOLDER...
    go test ./chat/jinja -run Goldens -corpus DIR-OF-OUT.json

Takes every *.jinja, every chat_template in a tokenizer_config.json, and the
templates in the tests of @huggingface/jinja (e2e.test.js). Good sources: llama.cpp's
models/templates (also in the source package of llama-cpp-python), the repositories
chujiezheng/chat_templates and GregoryBolshakov/hf-chat-template. The templates are
other people's text and stay out of this repository.
"""
import hashlib
import json
import pathlib
import re
import sys

import oracle

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather at a place.\nToday's, \"now\".",
    "parameters": {"type": "object", "required": ["city"], "properties": {
        "city": {"type": "string", "description": "Which city, e.g. Zürich"},
        "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
        "days": {"type": ["integer", "null"], "minimum": 1}}}}}
TIME = {"type": "function", "function": {
    "name": "time", "description": "The time.", "parameters": {"type": "object", "properties": {}}}}
TOOLS = [WEATHER, TIME]


def call(arguments, id="abcdef123", name="get_weather"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def user(text="Hello <there>, how's \"it\"?\n  Fine & well? "):
    return {"role": "user", "content": text}


def answer(text="  I am fine,\nthanks.\n\n", **more):
    return {"role": "assistant", "content": text, **more}


SYSTEM = {"role": "system", "content": "Be brief.\nAnswer in Bokmål 日本語 🙂."}
ARGS = {"city": "Zürich", "days": 3, "exact": True, "note": "a \"b\" <c>", "list": [1, 2.5, None], "in": {"x": -0.5}}


def tool_turns(arguments, content, **first):
    return [user(), {"role": "assistant", "content": content, "tool_calls": [call(arguments)], **first},
            {"role": "tool", "name": "get_weather", "tool_call_id": "abcdef123", "content": "{\"temp\": 21.5}"},
            answer("It is 21.5 °C."), user("And now?")]


def conversations():
    plain = {"add_generation_prompt": True}
    yield "plain", dict(plain, messages=[user()])
    yield "no prompt", dict(messages=[user(), answer()], add_generation_prompt=False)
    yield "system", dict(plain, messages=[SYSTEM, user()])
    yield "turns", dict(plain, messages=[SYSTEM, user(), answer(), user("Bye."), answer("Bye"), user("…")])
    yield "turns without system", dict(plain, messages=[user("a"), answer("b"), user("c")])
    yield "bad order", dict(plain, messages=[user("a"), user("b"), answer("c")])
    yield "begins with assistant", dict(plain, messages=[answer("c"), user("b")])
    yield "unknown role", dict(plain, messages=[{"role": "clown", "content": "x"}, user()])
    yield "developer", dict(plain, messages=[{"role": "developer", "content": "x"}, user()])
    yield "empty", dict(plain, messages=[user(""), answer(""), user("")])
    yield "empty system", dict(plain, messages=[{"role": "system", "content": ""}, user("a")])
    yield "no messages", dict(plain, messages=[])
    yield "none", dict(plain, messages=[user("a"), answer(None), user("c")])
    yield "no content", dict(plain, messages=[user("a"), {"role": "assistant"}, user("c")])
    yield "parts", dict(plain, messages=[{"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}])
    yield "image", dict(plain, messages=[{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "two"}]}])
    yield "reasoning", dict(plain, messages=[user("a"), answer("b", reasoning_content="Think.\nHard. ", thinking="Think.\nHard. "), user("c")])
    yield "reasoning inside", dict(plain, messages=[user("a"), answer("<think>\nhm </think>\n\nb"), user("c")])
    yield "thinking off", dict(plain, messages=[SYSTEM, user()], enable_thinking=False, thinking=False)
    yield "thinking on", dict(plain, messages=[SYSTEM, user()], enable_thinking=True, thinking=True, reasoning_effort="high")
    yield "continue", dict(messages=[user("a"), answer("<think>b</think> c")], add_generation_prompt=False, continue_final_message=True)
    yield "tools unused", dict(plain, messages=[SYSTEM, user()], tools=TOOLS)
    for kind, arguments in ("dict", ARGS), ("text", json.dumps(ARGS)), ("empty", {}):
        for content in "", None, "Let me see.":
            yield f"tools {kind} {content!r}", dict(plain, messages=[SYSTEM] + tool_turns(arguments, content), tools=TOOLS)
    two = tool_turns(ARGS, "")
    two[1]["tool_calls"].append(call({"city": "Rome"}, "abcdef124", "time"))
    two.insert(3, {"role": "tool", "name": "time", "tool_call_id": "abcdef124", "content": "12:00"})
    yield "two calls", dict(plain, messages=two, tools=TOOLS)
    yield "call pending", dict(plain, messages=two[:4], tools=TOOLS)
    yield "calls without tools", dict(plain, messages=two)
    yield "call with reasoning", dict(plain, messages=tool_turns(ARGS, "", reasoning_content="Hm.", thinking="Hm."), tools=TOOLS)
    yield "documents", dict(plain, messages=[user()], documents=[{"title": "T", "text": "x y"}], controls=["a"])
    yield "date", dict(plain, messages=[user()], date_string="1 Jan 2025", keep_past_thinking=True, custom_tools=TOOLS)


def variables(given):
    base = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "tools": None, "documents": None}
    return {**base, **given}


def templates(folders):
    for folder in map(pathlib.Path, folders):
        for path in sorted(folder.rglob("*.jinja")):
            yield path.stem, path.read_text()
        for path in sorted(folder.rglob("tokenizer_config.json")):
            found = json.loads(path.read_text()).get("chat_template") or []
            for t in [{"name": "", "template": found}] if isinstance(found, str) else found:
                yield f"{path.parent.name} {t['name']}".strip(), t["template"]
        for path in sorted(folder.rglob("e2e.test.js")):
            for i, text in enumerate(re.findall(r"chat_template:\s*(\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*')", path.read_text(), re.S)):
                yield f"e2e {i}", javascript(text)


def javascript(literal):
    escapes = {"n": "\n", "t": "\t", "r": "\r"}
    return re.sub(r"\\(u\{?([0-9a-fA-F]+)\}?|.)", lambda m: chr(int(m[2], 16)) if m[2] else escapes.get(m[1], m[1]), literal[1:-1], flags=re.S)


def main(out, folders):
    seen, sets = set(), []
    for name, template in templates(folders):
        h = hashlib.sha256(template.strip().encode()).hexdigest()
        if h in seen:
            continue
        seen.add(h)
        sets.append({"name": name, "template": template,
                     "cases": [{"name": n, "vars": variables(v)} for n, v in conversations()]})
    oracle.fill(sets)
    oracle.write(out, sets)
    done = [c for s in sets for c in s["cases"]]
    print(f"{len(sets)} templates, {len(done)} cases, {sum('output' in c for c in done)} render")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
