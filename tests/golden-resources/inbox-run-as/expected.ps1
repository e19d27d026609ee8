<#
    Written by mimc from a spec. Change the spec, not this file.

    mimc compiles the same content to MOF by itself. To compile it on a Windows node instead, with the module
    installed there, run this file in Windows PowerShell 5.1: it asks for the credentials and writes the documents
    beside itself, encrypted for the certificates that lie there.
#>
[CmdletBinding()]
param
(
    # env:RUN_PASSWORD
    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential]
    $otherRunAs,

    [System.String]
    $OutputPath = $PSScriptRoot
)

$configurationData = @{
    AllNodes = @(
        @{
            NodeName = 'node1'
            CertificateFile = Join-Path -Path $PSScriptRoot -ChildPath 'node1.cer'
            PSDscAllowDomainUser = $true
        }
    )
}

Configuration Golden
{
    Import-DscResource -ModuleName 'CimTypesDsc' -ModuleVersion '2.5.0.1'
    Import-DscResource -ModuleName 'PSDesiredStateConfiguration' -ModuleVersion '1.1'

    Node 'node1'
    {
        Environment 'nothing said'
        {
            Name  = 'STAGE'
            Value = '1'
        }
        Environment 'version said'
        {
            Name  = 'OTHER'
            Value = '1'
        }
        Simple 'other'
        {
            Id                   = 'x'
            PsDscRunAsCredential = $otherRunAs
        }
    }
}

[DSCLocalConfigurationManager()]
Configuration GoldenLcm
{
}

Golden -ConfigurationData $configurationData -OutputPath $OutputPath
GoldenLcm -OutputPath $OutputPath
