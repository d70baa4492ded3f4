// Package llm is the door to models: those that speak like OpenAI (Ollama among
// them), Anthropic's and Gemini.
//
// Rules:
//   - An answer has the shape that was asked for, by each provider's own way of
//     asking for one, and is checked here once more.
//   - An address that somebody entered leads to the public internet only, by TLS; the
//     operator's own may lead anywhere. Redirects are not followed: they would take
//     the key along.
//   - Nothing that was sent or answered stands in an error.
package llm
