"""Is it the right part, the right way round. 部位正确"""
