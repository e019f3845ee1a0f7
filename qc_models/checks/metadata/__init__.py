"""Are the headers right: patient, dates, side, device. 信息准确"""
