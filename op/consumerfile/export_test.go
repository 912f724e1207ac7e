package consumerfile

// InBatchesOf are options with shorter batches.
func InBatchesOf(lines int, opts Options) Options {
	opts.batchLines = lines
	return opts
}
