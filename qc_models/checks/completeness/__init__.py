"""Is everything there: instances, slices, series, range. 完整性"""
