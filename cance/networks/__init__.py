"""The networks: encoder E_phi1, decoder D_phi2 (section 3.2) and log-odds network T_theta (3.3).

The paper prints no architecture. Each module holds one kind, its settings beside it.
"""
