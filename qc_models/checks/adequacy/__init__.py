"""Is it good enough to diagnose from. 诊断质量"""
