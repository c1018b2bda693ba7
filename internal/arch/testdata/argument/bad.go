//as broker

package broker

func count(m map[string]int) (keys []string) {
	//order: // want "argument: //order: gives no reason"
	for k := range m {
		keys = append(keys, k)
	}
	n := len(keys) //float: the mean is shown only // want "argument: //float: argues for a line that breaks no rule"
	return keys[:n]
}
