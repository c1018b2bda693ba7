//as sim

package sim

const ratio = 0.25 // want "float: "

type link struct {
	loss float64 // want "float: the type float64"
}

func slower(n int64) int64 {
	return int64(float64(n) * 1.5) // want "float: "
}
