// Package sim is a world that obeys a seed.
package sim
