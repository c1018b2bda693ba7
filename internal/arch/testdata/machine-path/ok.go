//as wire

package wire

// vectors are in wire/testdata; a log lies in data/work/orders-0
const vectors = "testdata"
