//as broker

package broker

func count(m map[string]int) (keys []string) {
	//order: the caller sorts, once for all maps
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}
