// Package train turns text into a model.
//
// [Run] is the whole thing: it reads the data, trains a tokenizer, packs the
// tokens, learns, saves, and writes a model folder. A [Recipe] says what to
// make and how; [Preset] has ready ones. The parts, in the order of the data:
//
//	corpus.go …      files -> documents, in pieces that fit in memory
//	tokenfile.go     documents -> token IDs in mapped files, train and validation
//	window.go        token IDs -> examples, in an order that the seed decides
//	trainer.go       examples -> gradients -> one optimiser step
//	optimizer.go     gradients -> new weights: clipping, AdamW, and muon.go
//	schedule.go …    the learning rate over the run; horizon.go says how long that is
//	evaluate.go      nats per token and bits per byte of the validation split
//	loop.go          steps, evaluations, samples and checkpoints until the horizon
//	checkpoint.go    everything a run is, in one file
//	snapshots.go     the weights of chosen steps, each a model to look at
//	status.go        what a folder's run has come to, without running it
//
// A run is a function of data, recipe and seed: the number of threads, the size
// of micro-batches, and being stopped and resumed change no bit of the weights.
package train
