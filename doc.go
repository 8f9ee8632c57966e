// Package weft runs language models and lets you see what they do.
//
//	m, err := weft.Open("") // the built-in model; or a .gguf file, or a model folder
//	for token, err := range m.Generate(ctx, "To be, or", weft.Options{MaxTokens: 40}) {
//		fmt.Print(token.Text)
//	}
//
// Where to go from here:
//
//   - [Open] gives a [Model]; [Model.Generate] and [Model.Complete] continue a
//     text, [Model.Chat] holds a conversation.
//   - [Model.Core] is the transformer itself: weft/model runs it, weft/inspect
//     looks inside it.
//   - [Model.Tokenizer] is between text and token IDs: weft/tokenizer.
//   - How tokens are chosen: weft/sample. The loop that does it: weft/generate.
//   - Training models: weft/train, or the command weft train.
//
// Everything returns errors; nothing prints, logs or ends the process.
package weft
