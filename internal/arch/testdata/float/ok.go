//as sim

package sim

const (
	ratio  = 250 // permille
	second = 1e9
)

func slower(n int64) int64 { return n * 1500 / 1000 % second }

// float: Kafka's quota is a double on the wire
func quota() float64 { return 0 }
