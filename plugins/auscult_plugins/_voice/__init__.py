"""What `stt`, `llm`, `tts` and `vendors` share. No plugin: it registers nothing, and no entry point names it.

`failures` turns what a vendor answers into a sentence that says who must act, `exchange` times one HTTP exchange,
`openai` lists models, `chat` and `sse` read a streamed completion, `wave` and `speech` decode and judge audio, `words`
counts word errors, `directory` is the table of vendors. All but `exchange` and `openai` are pure.
"""
