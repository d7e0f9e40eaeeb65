"""From the files of a study to its report: decoding in processes, writing in one thread."""
