//as wire

package wire

// vectors come from /work/shared/data // want "machine-path: the path /work/"
const vectors = "testdata"

// scratch is "/tmp/x" // want "machine-path: the path /tmp/"
const scratch = 1
