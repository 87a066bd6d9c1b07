#!/usr/bin/env python3
"""Writes chat.jsonl beside it: chat templates of the forms checkpoints have and single pieces of Jinja, each
with messages and what transformers (5.23, jinja2) renders; "fails" where it raises.

    python make_chat_golden.py
"""
import datetime
import json
import os

import transformers.utils.chat_template_utils as utils

DATE = "2026-02-03"
TALKS = [
    [{"role": "user", "content": "What is up?"}, {"role": "assistant", "content": "  Not much. \n"}],
    [{"role": "system", "content": " Be brief. "}, {"role": "user", "content": "Größe?\nSecond line"},
     {"role": "assistant", "content": ""}, {"role": "user", "content": "漢字 'q' \"d\""}],
    [{"role": "assistant", "content": "<think>\nhm\n</think>\n\nanswer"}, {"role": "user", "content": "\x1c ok \u2003"}],
]

TEMPLATES = {
    "chatml": "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
              "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "chatml_default_system": "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
              "{{ '<|im_start|>system\nMind your manners.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + "
              "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "headers": "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + "
              "message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
              "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}"
              "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    "headers_dated": """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{#- the system turn goes into its own block #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Tools: " + tools | tojson(indent=4) }}
{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {{- raise_exception("no tools here") }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
    "brackets": "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
              "{{ raise_exception('roles must alternate') }}{% endif %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] "
              "+ ' [/INST]' }}{% else %}{{ message['content'] + eos_token}}{% endif %}{% endfor %}",
    "thinking": """{%- set ns = namespace(last=0, found=false) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if message.role == "user" and not ns.found and not (message.content.startswith('<tool>') and message.content.endswith('</tool>')) %}
        {%- set ns.found = true %}{%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content %}
    {%- if message.role == "assistant" and '</think>' in content %}
        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
    {%- endif %}
    {{- '<' + message.role + '>' + content + '</>' + '\\n' if loop.index0 > ns.last else '<' ~ loop.index ~ '>' ~ content }}
{%- endfor %}
{%- if add_generation_prompt and enable_thinking is defined and enable_thinking is false %}{{- '<think>' }}{%- endif %}
""",
    "macro": "{%- macro turn(message, open='<', close='>') -%}\n  {{ open ~ message.role | upper ~ close }}{{ message.content }}\n{%- endmacro -%}\n"
             "{% for message in messages if message.role != 'system' %}{{ turn(message, close=']') }}|{% else %}nobody{% endfor %}",
}

PIECES = r"""
{{ messages[0].role }}|{{ messages[-1]['content'] }}|{{ messages[9] }}|{{ messages[0].nope }}|{{ nope }}
{% for m in messages %}{{ loop.index }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex0 }}{% if not loop.last %},{% endif %}{% endfor %}
{% for m in [] %}x{% else %}empty{% endfor %}{% for i in 'añb' %}{{ i }}.{% endfor %}{% for x in [1,2,3] %}{{ loop.previtem }}{{ loop.nextitem }}{% endfor %}
{% set ns = namespace(a=1, b='x') %}{% for m in messages %}{% set ns.a = ns.a + loop.index0 %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns is mapping }}
{% set x = 1 %}{% for i in [1,2] %}{{ x }}{% set x = 5 %}{{ x }}{% endfor %}{{ x }}{% if true %}{% set y = 3 %}{% endif %}{{ y }}
{{ 'a' if messages else 'b' }}{{ 'z' if not messages }}|{{ none }}|{{ true }}|{{ 1.0 }}|{{ 7//2 }}|{{ -7//2 }}|{{ -7 % 3 }}|{{ 7/2 }}|{{ 0.1 + 0.2 }}
{{ 'abc'[1] }}{{ 'abc'[-1] }}{{ 'abcdef'[1:4] }}{{ 'abcdef'[::-1] }}{{ 'abcdef'[::2] }}{{ 'abc'[5:] }}{{ 'wörld'[1:3] }}
{{ messages[1:] | length }}{{ messages[::-1][0].content }}{{ messages[:-1] | map(attribute='role') | join(',') }}
{{ 'a,b,,c'.split(',') | join('|') }}{{ ' a  b '.split() | join('|') }}{{ 'a</t>b</t>c'.split('</t>')[-1] }}{{ 'a b c'.split(' ', 1)[1] }}
{{ '  x '.strip() }}|{{ '\nx\n'.lstrip('\n') }}|{{ 'xxabxx'.strip('x') }}|{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith(('x','bc')) }}
{{ 'Hello'.upper() }}{{ 'Hello' | lower }}{{ 'hello world' | capitalize }}{{ 'hello world'.title() }}{{ 'aXbX'.replace('X','-') }}{{ 'aXbX' | replace('X','-',1) }}
{{ 'x' in 'xyz' }}{{ 'role' in messages[0] }}{{ 'q' not in messages[0] }}{{ 1 in [1,2] }}{{ 3 not in (1,2) }}{{ 'a' in foo }}
{{ messages is defined }}{{ foo is not defined }}{{ none is none }}{{ 'a' is string }}{{ messages is sequence }}{{ messages[0] is mapping }}{{ 1 is number }}{{ 4 is divisibleby 2 }}{{ true is true }}{{ x is string }}
{{ 1 < 2 < 3 }}{{ 3 > 2 > 2 }}{{ 'a' < 'b' }}{{ 1 == 1.0 }}{{ 1 == true }}{{ 'a' != 'b' }}{{ not 1 == 2 }}{{ 1 == 1 and 2 == 3 or 4 == 4 }}
{{ foo | default('d') }}{{ '' | default('d', true) }}{{ none | default('d') }}{{ '' | d('e', boolean=true) }}{{ 'a' ~ 1 ~ none ~ true }}{{ 'ab' * 3 }}
{{ {'a': 1, 'b': [1, 'x', none, true, 1.5]} | tojson }}{{ messages[0] | tojson(indent=2) }}{{ "q\"é\n" | tojson }}{{ [] | tojson }}{{ {} | tojson(indent=4) }}
{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}{{ {'a':1}.get('a') }}{{ {'a':1}.get('b') }}{{ {'a':1}.get('b','z') }}{{ {'items': 3}['items'] }}
{% set t %}block {{ 1 }}{% endset %}{{ t }}{{ t | length }}{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}
{{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ messages | rejectattr('role', 'eq', 'user') | map(attribute='role') | join('+') }}{{ [1,2,3] | reverse | join }}{{ '12' | int + 1 }}
{{ "tab\t|nl\n|\\|\'|\x41|\u00e9|\q" }}{{ "a" "b" }}{{ ' a b ' | trim }}|{{ none | trim }}|{{ foo | trim }}|{{ 'xyx' | trim('x') }}|{{ 'a\nb' | indent(2, true) }}
{{ 1 if 2 > 1 else 3 if 4 else 5 }}{{ -3 | string }}{{ 2 + 3 * 4 - 1 }}{{ (2 + 3) * 4 }}{{ [[1]][0][0] }}{{ messages.0.role }}{{ {'a': {'b': 'c'}}.a.b }}{{ bos_token + eos_token }}{{ tools is none }}
{% generation %}gen {{ 1 }}{% endgeneration %}{{ strftime_now('%d %b %Y') }}{{ strftime_now("%Y-%m-%d %H:%M %B %A") }}{% set a, b = 1, 2 %}{{ a }}{{ b }}
{{ foo.bar }}
{{ 'a' + 1 }}
{{ raise_exception('no ' ~ 1) }}
{% if messages %}unclosed
"""

LINES = """
{%- if true -%}   stripped   {%- endif -%}  tail
  {% if true %}
  lstripped
  {% endif %}
x {% if true %} y {% endif %} z
{# comment #}
  {# indented comment #}
a{#- strip -#}   b
{{- ' left' }}  {{ 'right ' -}}   end
{%+ if true %} plus {% endif +%}
  {{ 'kept' }}
q\r
last line

"""


def render(template, messages, prompt):
    at = datetime.datetime.fromisoformat(DATE)
    return utils._compile_jinja_template(template).render(
        messages=messages, tools=None, documents=None, add_generation_prompt=prompt, bos_token="<s>", eos_token="</s>",
        strftime_now=at.strftime)


def main():
    cases = [(template, talk, prompt) for template in TEMPLATES.values() for talk in TALKS for prompt in (False, True)]
    cases += [(piece, TALKS[1], False) for piece in PIECES.strip().split("\n") + [LINES]]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "chat.jsonl"), "w", encoding="utf-8") as file:
        for template, messages, prompt in cases:
            case = {"template": template, "date": DATE, "messages": messages, "add_generation_prompt": prompt}
            try:
                case["text"] = render(template, messages, prompt)
            except Exception:
                case["fails"] = True
            file.write(json.dumps(case, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
